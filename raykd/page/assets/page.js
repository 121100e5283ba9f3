"use strict";

async function plotlyLoaded() {
  const packed = Uint8Array.from(atob(document.getElementById("plotly").textContent), c => c.charCodeAt(0));
  const unpacked = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
  const script = document.createElement("script");
  script.textContent = await new Response(unpacked).text();
  document.head.append(script);
}

function draw(place) {
  const figure = JSON.parse(place.querySelector("script").textContent);
  const options = { responsive: true, displaylogo: false, displayModeBar: false, scrollZoom: false };
  figure.layout.dragmode = matchMedia("(pointer: coarse)").matches ? false : "zoom"; // a finger is to scroll the page
  Plotly.newPlot(place, figure.data, figure.layout, options);
}

function sortBy(head) {
  const table = head.closest("table"), body = table.tBodies[0], column = head.cellIndex;
  const rising = head.getAttribute("aria-sort") === "descending";
  for (const other of table.querySelectorAll("th")) other.removeAttribute("aria-sort");
  head.setAttribute("aria-sort", rising ? "ascending" : "descending");
  const key = row => row.cells[column].textContent.trim();
  const rows = [...body.rows].sort((one, other) => {
    const [a, b] = [key(one), key(other)];
    if (!a || !b) return !a - !b; // what is missing comes last either way
    const order = isNaN(a) || isNaN(b) ? a.localeCompare(b) : a - b;
    return rising ? order : -order;
  });
  body.append(...rows);
}

for (const head of document.querySelectorAll(".sortable th")) head.addEventListener("click", () => sortBy(head));
for (const button of document.querySelectorAll(".copy")) {
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(button.previousElementSibling.textContent);
    button.textContent = "copied";
  });
}
plotlyLoaded().then(() => document.querySelectorAll(".plot").forEach(draw));
