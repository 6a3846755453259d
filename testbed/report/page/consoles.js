// SPDX-License-Identifier: MIT
"use strict";

// The consoles side by side: a row for each line, in the order of time, in its console's column.
class Consoles {
  constructor(frame, under, view, consoles) {
    this.under = under;
    this.lines = consoles.flatMap((console, lane) =>
      console.texts.map((text, i) => ({
        lane, text, at: console.times[i], untimed: console.untimed[i], order: i,
      })),
    );
    this.lines.sort((a, b) => a.at - b.at || a.lane - b.lane || a.order - b.order);
    this.times = this.lines.map((line) => line.at);
    this.lanes = consoles.length;
    this.rows = new Rows(
      frame,
      ["Seconds", ...consoles.map((console) => console.name)],
      `7.5rem repeat(${Math.max(consoles.length, 1)}, minmax(16rem, 1fr))`,
      (index, row) => this.fill(index, row),
    );
    frame.style.minWidth = `${8 + 16 * consoles.length}rem`;
    this.rows.setCount(this.lines.length);
    frame.addEventListener("click", (event) => {
      const row = event.target.closest(".row");
      if (!row) return;
      const line = this.lines[Number(row.ariaRowIndex) - 2];
      under.textContent = line.text;
      view.setCursor(line.at);
    });
    view.listen((_view, cursorMoved) => {
      if (cursorMoved && this.lines.length) {
        this.rows.mark(Math.min(indexOf(this.times, view.cursor), this.lines.length - 1));
      }
    });
  }

  fill(index, row) {
    const line = this.lines[index];
    cell(row, "time", line.untimed ? "" : seconds(line.at, 3));
    for (let lane = 0; lane < this.lanes; lane++) {
      cell(row, "lane", lane === line.lane ? line.text : "");
    }
  }
}
