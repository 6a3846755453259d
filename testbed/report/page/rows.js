// SPDX-License-Identifier: MIT
"use strict";

// A list of any length, of which only the rows in sight are elements.
class Rows {
  static HEIGHT = 20;
  static HEAD = 24;

  // `fill(index, row)` puts the cells of a row into its element; `columns` is a CSS grid's.
  constructor(frame, heads, columns, fill) {
    this.frame = frame;
    this.fill = fill;
    this.columns = columns;
    this.count = 0;
    this.marked = -1;
    this.head = element("div", "head", frame);
    this.head.setAttribute("role", "row");
    this.head.style.gridTemplateColumns = columns;
    for (const name of heads) {
      element("span", "", this.head, name).setAttribute("role", "columnheader");
    }
    this.space = element("div", "space", frame);
    this.space.setAttribute("role", "rowgroup");
    this.asked = false;
    frame.addEventListener("scroll", () => this.ask());
    new ResizeObserver(() => this.ask()).observe(frame);
  }

  setCount(count) {
    this.count = count;
    this.space.style.height = `${count * Rows.HEIGHT}px`;
    this.frame.setAttribute("aria-rowcount", String(count + 1));
    this.ask();
  }

  ask() {
    if (this.asked) return;
    this.asked = true;
    requestAnimationFrame(() => {
      this.asked = false;
      this.draw();
    });
  }

  draw() {
    const first = Math.max(0, Math.floor(this.frame.scrollTop / Rows.HEIGHT) - 5);
    const fit = Math.ceil(this.frame.clientHeight / Rows.HEIGHT) + 10;
    const last = Math.min(this.count, first + fit);
    this.space.replaceChildren();
    for (let index = first; index < last; index++) {
      const row = element("div", index === this.marked ? "row at" : "row", this.space);
      row.setAttribute("role", "row");
      row.setAttribute("aria-rowindex", String(index + 2));
      row.style.top = `${index * Rows.HEIGHT}px`;
      row.style.gridTemplateColumns = this.columns;
      this.fill(index, row);
    }
  }

  // Marks a row and brings it into sight, unless it is.
  mark(index) {
    this.marked = index;
    const top = index * Rows.HEIGHT;
    const height = this.frame.clientHeight - Rows.HEAD;
    if (top < this.frame.scrollTop || top + Rows.HEIGHT > this.frame.scrollTop + height) {
      this.frame.scrollTop = Math.max(0, top - height / 2);
    }
    this.ask();
  }
}

function element(tag, className, parent, text) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  if (parent) parent.append(made);
  return made;
}

function cell(row, className, text) {
  const made = element("span", className, row, text);
  made.setAttribute("role", "cell");
  made.title = text;
  return made;
}
