// The visitor's page: it sends what is moved and pressed, and shows once a second what the clients were told.
"use strict"

const $ = (id) => document.getElementById(id)

const element = (tag, ...children) => {
  const made = document.createElement(tag)
  made.append(...children)
  return made
}

const troubles = {
  none: "",
  killing: "The database ends the pool's sessions. The pool opens others.",
  frozen: "The database stands still: it accepts connections, and answers nobody.",
  restarting: "The database is being restarted. Who asks meanwhile is told at once that it is away."
}

const send = async (path, body) => {
  const answer = await fetch(path, {
    method: "POST",
    headers: { "content-type": "application/json", "x-bank": "1" },
    body: JSON.stringify(body)
  })
  if (!answer.ok) $("trouble").textContent = `That was refused: ${(await answer.json()).error}`
}

let last = undefined

const rate = (now, field) =>
  last === undefined ? 0 : Math.round((now[field] - last[field]) / ((now.at - last.at) / 1000))

const look = async () => {
  try {
    const answer = await fetch("visit")
    const now = { at: performance.now(), ...await answer.json() }
    const rates = {
      "clients": now.asking,
      "transfers a second": rate(now, "Transferred") + rate(now, "Insufficient"),
      "told to come later, a second": rate(now, "Unavailable"),
      "failed": now.Failed,
      "lost": now.Lost
    }
    $("rates").replaceChildren(
      ...Object.entries(rates).map(([name, value]) =>
        element("div", element("dt", name), element("dd", value.toLocaleString()))
      )
    )
    $("trouble").textContent = troubles[now.trouble]
    for (const button of document.querySelectorAll("[data-harm]")) button.disabled = now.trouble !== "none"
    if (last === undefined) {
      $("clients").value = now.wanted
      $("wanted").textContent = now.wanted
    }
    last = now
  } catch {
    $("trouble").textContent = "The bank does not answer."
  }
}

$("clients").addEventListener("input", () => {
  $("wanted").textContent = $("clients").value
})
$("clients").addEventListener("change", () => send("visit/clients", { clients: Number($("clients").value) }))

for (const button of document.querySelectorAll("[data-harm]")) {
  button.addEventListener("click", () => {
    const { harm, seconds } = button.dataset
    send("visit/harm", seconds === undefined ? { harm } : { harm, seconds: Number(seconds) })
  })
}

look()
setInterval(look, 1000)
