// SPDX-License-Identifier: MIT
"use strict";

// The part of the run that is shown and the moment that is looked at, in seconds.
class View {
  static NARROWEST = 1e-5;

  constructor(seconds) {
    this.all = Math.max(seconds, 1e-3) * 1.01;
    this.begin = 0;
    this.end = this.all;
    this.cursor = null;
    this.listeners = [];
  }

  get span() {
    return this.end - this.begin;
  }

  // `listener(view, cursorMoved)` is called after each change.
  listen(listener) {
    this.listeners.push(listener);
  }

  tell(cursorMoved) {
    for (const listener of this.listeners) listener(this, cursorMoved);
  }

  show(begin, end) {
    const span = Math.min(Math.max(end - begin, View.NARROWEST), this.all);
    this.begin = Math.min(Math.max(begin, 0), this.all - span);
    this.end = this.begin + span;
    this.tell(false);
  }

  // Shows `factor` times as much; `at` stays where it is.
  zoom(factor, at = (this.begin + this.end) / 2) {
    const span = Math.min(Math.max(this.span * factor, View.NARROWEST), this.all);
    const begin = at - ((at - this.begin) / this.span) * span;
    this.show(begin, begin + span);
  }

  // By a part of what is shown.
  pan(part) {
    this.show(this.begin + part * this.span, this.end + part * this.span);
  }

  setCursor(at) {
    this.cursor = Math.min(Math.max(at, 0), this.all);
    if (this.cursor < this.begin || this.cursor > this.end) {
      this.show(this.cursor - this.span / 2, this.cursor + this.span / 2);
    }
    this.tell(true);
  }
}

// The first index of the ascending `times` whose time is not before `at`.
function indexOf(times, at) {
  let low = 0;
  let high = times.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (times[middle] < at) low = middle + 1;
    else high = middle;
  }
  return low;
}

function seconds(at, digits = 6) {
  return at.toFixed(digits);
}
