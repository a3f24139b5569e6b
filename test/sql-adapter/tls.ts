/** A certificate for localhost, not for its address, that signs itself. For tests: nobody trusts it. Valid for a hundred years. */
export const certificate = `-----BEGIN CERTIFICATE-----
MIIBnzCCAUWgAwIBAgIUBnyYRJtrSvTw8dD0Um+azdJVI18wCgYIKoZIzj0EAwIw
GTEXMBUGA1UEAwwOQ2Vub3RlJ3MgdGVzdHMwIBcNMjYxMTIzMjEzMDE1WhgPMjEy
NjEwMzAyMTMwMTVaMBkxFzAVBgNVBAMMDkNlbm90ZSdzIHRlc3RzMFkwEwYHKoZI
zj0CAQYIKoZIzj0DAQcDQgAEtqqD8RHFvikm8Sq3/rJDvWY/gz+elkNco9DvUbDJ
kL2wVljkxSgwebB9FayxvR1Uep5JTnHyyQjP/tLlgXdyYqNpMGcwHQYDVR0OBBYE
FCinagMku4DWO+f1nLvvrJpWjtOcMB8GA1UdIwQYMBaAFCinagMku4DWO+f1nLvv
rJpWjtOcMBQGA1UdEQQNMAuCCWxvY2FsaG9zdDAPBgNVHRMBAf8EBTADAQH/MAoG
CCqGSM49BAMCA0gAMEUCIQCA9YFq+TtGYIaExW5dUxSy+lQSdn8okxxcQO3iIkyA
dgIgKTsGKihtkqMncwNG51nMrzdGlFN6I8dxShiotDaBxi8=
-----END CERTIFICATE-----
`

/** The key of the certificate above. */
export const key = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgOTC1HrmBt/GcakEC
KYNXzSVdct54A9hVbxBcZgXkfQKhRANCAAS2qoPxEcW+KSbxKrf+skO9Zj+DP56W
Q1yj0O9RsMmQvbBWWOTFKDB5sH0VrLG9HVR6nklOcfLJCM/+0uWBd3Ji
-----END PRIVATE KEY-----
`
