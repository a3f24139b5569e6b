// The page of a pool console. It knows nothing but what the routes beside it say, and writes it as text, never as markup.
"use strict"

const $ = (id) => document.getElementById(id)

const element = (tag, properties = {}, ...children) => {
  const made = Object.assign(document.createElement(tag), properties)
  made.append(...children)
  return made
}

const state = { pools: [], canAct: false, chosen: undefined, samples: new Map(), events: new Map() }

const KEPT = 300
const SHOWN = 200

const ms = (value) =>
  value === null || value === undefined
    ? "–"
    : value < 1000
    ? `${Math.round(value)} ms`
    : value < 60_000
    ? `${(value / 1000).toFixed(1)} s`
    : `${Math.round(value / 60_000)} min`

const time = (at) => new Date(at).toLocaleTimeString([], { hour12: false })

// Charts

const charts = [
  {
    title: "Connections",
    unit: "",
    series: [["in use", "leased", "--one"], ["idle", "idle", "--two"], ["opening", "opening", "--three"]]
  },
  { title: "Waiting", unit: "", series: [["callers", "waiting", "--three"]] },
  { title: "Wait", unit: "ms", series: [["p50", "p50", "--two"], ["p95", "p95", "--three"], ["p99", "p99", "--four"]] },
  {
    title: "Callers a second",
    unit: "",
    series: [["served", "servedRate", "--one"], ["got nothing", "failedRate", "--four"]]
  }
].map((chart) => ({ ...chart, figure: undefined, plot: undefined, values: [] }))

const color = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim()

const drawCharts = () => {
  $("charts").replaceChildren(...charts.map((chart) => {
    chart.plot?.destroy()
    chart.values = chart.series.map(() => element("span"))
    const place = element("div", { className: "plot", role: "img" })
    const figure = element(
      "figure",
      {},
      element("figcaption", {}, element("strong", {}, chart.title), ...chart.values),
      place
    )
    figure.dataset.chart = chart.title
    chart.place = place
    return figure
  }))
  const axis = {
    stroke: color("--faint"),
    grid: { stroke: color("--line"), width: 1 },
    ticks: { show: false },
    font: "12px system-ui"
  }
  const times = { ...axis, size: 28, space: 80, values: (_, at) => at.map((second) => time(second * 1000)) }
  for (const chart of charts) {
    chart.plot = new uPlot(
      {
        width: Math.max(200, chart.place.clientWidth),
        height: 170,
        cursor: { show: false },
        scales: { y: { range: (_, __, most) => [0, Math.max(1, Math.ceil(most * 1.1))] } },
        axes: [times, { ...axis, size: 46 }],
        series: [
          {},
          ...chart.series.map(([label, , name]) => ({
            label,
            stroke: color(name),
            width: 2,
            points: { show: false },
            spanGaps: false
          }))
        ]
      },
      dataOf(chart),
      chart.place
    )
  }
  tellCharts()
}

const samplesOf = () => state.samples.get(state.chosen) ?? []

const dataOf = ({ series }) => {
  const samples = samplesOf()
  return [samples.map(({ at }) => at / 1000), ...series.map(([, field]) => samples.map((sample) => sample[field]))]
}

const tellCharts = () => {
  const last = samplesOf().at(-1)
  for (const chart of charts) {
    chart.plot.setData(dataOf(chart))
    chart.series.forEach(([label, field, name], index) => {
      const value = last?.[field]
      const span = chart.values[index]
      span.textContent = `${label} ${chart.unit === "ms" ? ms(value) : value ?? "–"}`
      span.style.color = color(name)
    })
    chart.place.ariaLabel = `${chart.title}: ${chart.values.map(({ textContent }) => textContent).join(", ")}`
  }
}

// Tables

const table = (id, columns, rows) => {
  const [head, body] = [$(id).tHead, $(id).tBodies[0]]
  head.replaceChildren(element("tr", {}, ...columns.map(([title]) => element("th", { scope: "col" }, title))))
  body.replaceChildren(
    ...rows.length === 0
      ? [element("tr", {}, element("td", { className: "none", colSpan: columns.length || 1 }, "none"))]
      : rows.map((row) =>
        element(
          "tr",
          {},
          ...columns.map(([, read, className = ""]) => {
            const value = read(row)
            return element("td", { className }, value instanceof Node ? value : String(value ?? "–"))
          })
        )
      )
  )
}

const stack = ({ span, stack }) =>
  stack === undefined
    ? span ?? "–"
    : element("details", {}, element("summary", {}, span ?? "stack"), element("pre", {}, stack))

const tellEvents = () =>
  table("events", [
    ["at", ({ at }) => time(at), "number"],
    ["event", ({ tag }) => tag],
    ["", ({ text }) => text]
  ], [...state.events.get(state.chosen) ?? []].reverse())

const tellPool = ({ configuration, health, leases, name, stats, waiters }) => {
  $("health").className = health.status.toLowerCase()
  $("health").textContent = [
    `${name}: ${stats.phase}, ${health.status.toLowerCase()}`,
    ...health.reasons
  ].join(" · ")
  $("resize").elements.maxSize.placeholder = stats.maxSize
  const figures = {
    "in use": `${stats.leased} / ${stats.maxSize}`,
    idle: stats.idle,
    opening: stats.opening,
    closing: stats.closing,
    waiting: stats.waiting,
    served: stats.acquired,
    "timed out": stats.timedOut,
    shed: stats.shed + stats.refused,
    "open failures": stats.openFailures
  }
  $("figures").replaceChildren(
    ...Object.entries(figures).map(([name, value]) =>
      element("div", {}, element("dt", {}, name), element("dd", {}, String(value)))
    )
  )
  table("leases", [
    ["lease", ({ lease }) => lease, "number"],
    ["connection", ({ connection }) => connection, "number"],
    ["age", ({ age }) => ms(age), "number"],
    ["fiber", ({ fiber }) => fiber],
    ["span", stack]
  ], leases)
  table("waiters", [
    ["place", ({ place }) => place, "number"],
    ["class", ({ priority }) => priority],
    ["waits for", ({ age }) => ms(age), "number"],
    ["at most", ({ left }) => left === undefined ? "for ever" : ms(left), "number"],
    ["fiber", ({ fiber }) => fiber],
    ["span", ({ span }) => span]
  ], waiters)
  table("configuration", [["option", ([name]) => name], ["value", ([, value]) => value]], Object.entries(configuration))
}

const tellServer = (answer) => {
  $("server").hidden = answer === null
  if (answer === null) return
  const rows = answer.rows ?? [{ error: answer.error }]
  const columns = Object.keys(rows[0] ?? {})
  table("server", columns.map((column) => [column, (row) => row[column]]), rows)
}

// What is asked

const ask = async (path) => {
  const answer = await fetch(path, { headers: { accept: "application/json" } })
  if (!answer.ok) throw new Error(`${answer.status}`)
  return await answer.json()
}

const here = () => `pools/${encodeURIComponent(state.chosen)}`

/** One question at a time: a slow server is not asked more often than it answers. */
const asker = (path, tell) => {
  let isAsking = false
  return async () => {
    if (isAsking || state.chosen === undefined) return
    isAsking = true
    const asked = state.chosen
    try {
      const answer = await ask(here() + path)
      if (asked === state.chosen) tell(answer)
    } catch {
      // The stream says that the server is away.
    } finally {
      isAsking = false
    }
  }
}

const askers = [asker("", tellPool), asker("/server", tellServer)]

const refresh = () => askers.forEach((ask) => ask())

const choose = (name) => {
  state.chosen = name
  for (const button of $("pools").children) button.setAttribute("aria-current", String(button.textContent === name))
  document.title = `${name} – pools`
  tellCharts()
  tellEvents()
  refresh()
}

const operate = (id, read) =>
  $(id).addEventListener("submit", async (submitted) => {
    submitted.preventDefault()
    const body = { action: id, ...read(new FormData(submitted.target)) }
    try {
      const answer = await fetch(`${here()}/actions`, {
        method: "POST",
        headers: { "content-type": "application/json", "x-cenote-console": "1" },
        body: JSON.stringify(body)
      })
      const { message } = await answer.json()
      $("answer").textContent = answer.ok ? `${id}: done` : `${id} was refused: ${message}`
    } catch {
      $("answer").textContent = `${id}: the server did not answer`
    }
    refresh()
  })

operate("resize", (form) => ({ maxSize: Number(form.get("maxSize")) }))
operate("recycle", (form) => ({ within: Number(form.get("within")) * 1000 }))
operate("suspend", (form) => ({ duration: Number(form.get("duration")) * 1000 }))
operate("resume", () => ({}))
operate("clear", (form) => form.get("abortLeases") === null ? {} : { abortLeases: true })

// What is told

const keep = ({ at, pools }) => {
  for (const [name, sample] of Object.entries(pools)) {
    const before = state.samples.get(name) ?? []
    // Counts are of the time since the sample before.
    const seconds = before.length === 0 ? undefined : (at - before.at(-1).at) / 1000
    const rate = (count) => seconds > 0 ? Math.round(count / seconds) : null
    const rates = { servedRate: rate(sample.served), failedRate: rate(sample.failed) }
    state.samples.set(name, [...before, { at, ...sample, ...rates }].slice(-KEPT))
  }
}

const remember = (events) => {
  for (const [name, told] of Object.entries(events)) {
    state.events.set(name, [...state.events.get(name) ?? [], ...told].slice(-SHOWN))
  }
}

const hear = (message) => {
  if (message.type === "past") {
    // After a loss it tells again what it has told.
    state.samples.clear()
    state.events.clear()
    message.samples.forEach(keep)
    remember(message.recent)
  } else {
    keep(message)
    remember(message.events)
  }
  tellCharts()
  tellEvents()
  refresh()
}

const listen = () => {
  const source = new EventSource("events")
  source.addEventListener("open", () => {
    $("link").className = ""
    $("link").textContent = "live"
  })
  source.addEventListener("message", ({ data }) => hear(JSON.parse(data)))
  source.addEventListener("error", () => {
    $("link").className = "lost"
    $("link").textContent = "the server is away; trying again …"
    // A browser gives up where it was refused.
    if (source.readyState !== EventSource.CLOSED) return
    setTimeout(listen, 2000)
  })
}

const begin = async () => {
  try {
    Object.assign(state, await ask("pools"))
  } catch {
    return setTimeout(begin, 2000)
  }
  $("pools").replaceChildren(
    ...state.pools.map((name) => element("button", { type: "button", onclick: () => choose(name) }, name))
  )
  $("actions").hidden = !state.canAct
  drawCharts()
  choose(state.pools[0])
  listen()
}

addEventListener("resize", () => {
  for (const { place, plot } of charts) plot?.setSize({ width: Math.max(200, place.clientWidth), height: 170 })
})
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawCharts)

begin()
