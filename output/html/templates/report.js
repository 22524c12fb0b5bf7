"use strict";
(() => {
  const root = document.documentElement;
  root.classList.add("js");
  const theme = document.getElementById("theme");
  theme.addEventListener("click", () => {
    const dark = root.dataset.theme
      ? root.dataset.theme === "dark"
      : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
  });

  const months = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(" ");
  for (const chart of document.querySelectorAll("svg[data-values]")) {
    const data = chart.dataset;
    const series = data.values.split(";").map((row) => row.split(",").map((v) => (v === "" ? null : Number(v))));
    const names = JSON.parse(data.names);
    const [start, end, first, step, left, right, bottom] = ["start", "end", "first", "step", "left", "right", "bottom"].map((key) => Number(data[key]));
    const count = series[0].length;
    const line = document.createElementNS(chart.namespaceURI, "path");
    line.setAttribute("class", "cross");
    chart.append(line);
    const tip = chart.nextElementSibling;
    let at = count - 1;
    const place = (index) => left + ((index * step) / Math.max(1, end - start)) * (right - left);
    const show = (index) => {
      at = Math.max(0, Math.min(count - 1, index));
      line.setAttribute("d", `M${place(at)} 14V${bottom}`);
      const time = new Date((first + at * step) * 1000);
      const clock = time.toISOString().slice(11, 16);
      const values = series.map((row, number) => {
        const text = row[at] === null ? "not read" : row[at].toLocaleString("en");
        return names[number] ? `${names[number]} ${text}` : text;
      });
      tip.textContent = `${time.getUTCDate()} ${months[time.getUTCMonth()]} ${clock}: ${values.join(", ")}`;
    };
    const hide = () => { line.removeAttribute("d"); tip.textContent = ""; };
    chart.addEventListener("pointermove", (event) => {
      const box = chart.getBoundingClientRect();
      const x = ((event.clientX - box.left) / box.width) * chart.viewBox.baseVal.width;
      show(Math.round((((x - left) / (right - left)) * (end - start)) / step));
    });
    chart.addEventListener("pointerleave", hide);
    chart.addEventListener("blur", hide);
    chart.addEventListener("keydown", (event) => {
      const move = { ArrowLeft: -1, ArrowRight: 1, PageUp: -24, PageDown: 24, Home: -count, End: count }[event.key];
      if (move === undefined) return;
      event.preventDefault();
      show(line.hasAttribute("d") ? at + move : move < 0 ? count - 1 : 0);
    });
  }

  const table = document.getElementById("hosts");
  if (!table) return;
  const body = table.tBodies[0];
  const rows = Array.from(body.rows);
  const find = document.getElementById("find");
  const count = document.getElementById("count");
  const place = document.getElementById("page");
  const filters = Array.from(document.querySelectorAll("[data-state]"));
  const heads = Array.from(table.tHead.querySelectorAll("th"));
  const size = 100;
  let page = 0, state = "", shown = rows;

  const value = (row, column) => {
    const cell = row.cells[column];
    const raw = cell.dataset.v ?? cell.textContent.trim();
    const number = raw.replaceAll(",", "").replace("\u2212", "-");
    return raw === "" ? null : isNaN(number) ? raw : Number(number);
  };
  const compare = (a, b) =>
    typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b));

  function draw() {
    const last = Math.max(0, Math.ceil(shown.length / size) - 1);
    page = Math.min(page, last);
    const visible = new Set(shown.slice(page * size, (page + 1) * size));
    for (const row of rows) row.hidden = !visible.has(row);
    count.textContent = `${shown.length} of ${rows.length} hosts`;
    place.textContent = `page ${page + 1} of ${last + 1}`;
  }
  function select() {
    const words = find.value.toLowerCase().split(/\s+/).filter(Boolean);
    shown = rows.filter((row) => {
      const text = row.textContent.toLowerCase();
      return (!state || row.className === `s-${state}`) && words.every((word) => text.includes(word));
    });
    page = 0;
    draw();
  }
  find.addEventListener("input", select);
  for (const button of filters)
    button.addEventListener("click", () => {
      state = state === button.dataset.state ? "" : button.dataset.state;
      for (const each of filters) each.setAttribute("aria-pressed", String(each.dataset.state === state));
      select();
    });
  heads.forEach((head, column) => {
    const button = head.querySelector("button");
    if (!button) return;
    button.addEventListener("click", () => {
      const text = typeof value(rows[0], column) !== "number" && head.className !== "n";
      const up = head.ariaSort ? head.ariaSort === "descending" : text;
      for (const each of heads) each.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", up ? "ascending" : "descending");
      rows.sort((a, b) => {
        const [x, y] = [value(a, column), value(b, column)];
        if (x === null || y === null) return (x === null) - (y === null);
        return up ? compare(x, y) : compare(y, x);
      });
      body.append(...rows);
      select();
    });
  });
  document.getElementById("back").addEventListener("click", () => { page = Math.max(0, page - 1); draw(); });
  document.getElementById("on").addEventListener("click", () => { page += 1; draw(); });
  addEventListener("hashchange", () => {
    const row = document.getElementById(location.hash.slice(1));
    if (row && row.hidden) { find.value = ""; state = ""; select(); page = Math.floor(shown.indexOf(row) / size); draw(); row.scrollIntoView(); }
  });
  select();
})();
