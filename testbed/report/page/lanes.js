// SPDX-License-Identifier: MIT
"use strict";

// A lane draws itself between two heights of the time line and says what is at a moment.
// `scale` has `x(time)`, `time(x)`, `left`, `right` and the page's `colours`.

// As much of a text as there is room for, in pixels; nothing where that is next to nothing.
function fitted(context, text, room) {
  if (context.measureText(text).width <= room) return text;
  let [fits, more] = [0, text.length];
  while (more - fits > 1) {
    const half = (fits + more) >> 1;
    if (context.measureText(`${text.slice(0, half)}…`).width <= room) fits = half;
    else more = half;
  }
  return fits > 2 ? `${text.slice(0, fits).trimEnd()}…` : "";
}

// The steps of one level; a step within another is a row below it.
class StepLane {
  static ROW = 20;

  constructor(level, steps) {
    this.label = level;
    this.steps = steps;
    const depths = [...new Set(steps.map((step) => step.depth))].sort((a, b) => a - b);
    this.row = new Map(depths.map((depth, index) => [depth, index]));
    this.height = depths.length * StepLane.ROW + 2;
  }

  draw(context, top, scale) {
    const { colours } = scale;
    for (const step of this.steps) {
      const left = Math.max(scale.x(step.begin), scale.left);
      const right = Math.min(scale.x(step.end), scale.right);
      if (right < scale.left || left > scale.right) continue;
      const width = Math.max(right - left - 1, 1.5); // apart from the next
      const y = top + this.row.get(step.depth) * StepLane.ROW + 2;
      context.fillStyle = step.outcome === "end" ? colours.step : colours.failed;
      context.fillRect(left, y, width, StepLane.ROW - 3);
      context.fillStyle = colours.stepInk;
      const whole = `${step.stage}: ${step.what}`;
      const short = context.measureText(whole).width > width - 8; // then the stage is told below
      const text = fitted(context, short ? step.what : whole, width - 8);
      if (text) context.fillText(text, left + 4, y + 13);
    }
  }

  at(time, slack, y) {
    const found = this.steps.filter(
      (step) =>
        step.begin - slack <= time &&
        time <= step.end + slack &&
        Math.floor((y - 2) / StepLane.ROW) === this.row.get(step.depth),
    );
    return found.map((step) => {
      const outcome = step.outcome === "end" ? "" : `, ${step.outcome}`;
      const length = seconds(step.end - step.begin, 3);
      return `${step.stage}: ${step.what} (${seconds(step.begin, 3)} s, ${length} s long${outcome})`;
    })[0];
  }
}

// A mark for each line of a console.
class ConsoleLane {
  height = 20;

  constructor(name, times, texts) {
    this.label = name;
    this.times = times;
    this.texts = texts;
  }

  draw(context, top, scale) {
    context.fillStyle = scale.colours.line;
    let drawn = -1;
    for (let i = indexOf(this.times, scale.time(scale.left)); i < this.times.length; i++) {
      const x = Math.round(scale.x(this.times[i]));
      if (x > scale.right) break;
      if (x !== drawn) context.fillRect(x, top + 4, 1, 13);
      drawn = x;
    }
  }

  at(time, slack) {
    return nearest(this.times, time, slack, (i) => `${seconds(this.times[i])} ${this.texts[i]}`);
  }
}

// How often something happened, in each pixel; `rows` are [kinds, colour, up] drawn from a middle.
class CountLane {
  constructor(label, device, parts, height) {
    this.label = label;
    this.device = device;
    this.parts = parts;
    this.height = height;
    this.part = new Map(parts.flatMap((part, index) => part.kinds.map((kind) => [kind, index])));
  }

  draw(context, top, scale) {
    const { times, codes, entries } = this.device;
    const columns = Math.ceil(scale.right - scale.left) + 1;
    const counts = this.parts.map(() => new Float32Array(columns));
    let highest = 1;
    for (let i = indexOf(times, scale.time(scale.left)); i < times.length; i++) {
      const column = Math.floor(scale.x(times[i]) - scale.left);
      if (column >= columns) break;
      const part = this.part.get(entries[codes[i]][0]);
      if (part === undefined || column < 0) continue;
      highest = Math.max(highest, ++counts[part][column]);
    }
    const both = this.parts.some((part) => !part.up);
    const room = (this.height - 4) / (both ? 2 : 1);
    const base = top + 2 + room;
    for (const [index, part] of this.parts.entries()) {
      context.fillStyle = scale.colours[part.colour];
      for (let column = 0; column < columns; column++) {
        const count = counts[index][column];
        if (!count) continue;
        // A single access among thousands is still seen.
        const high = Math.max(3, (room * Math.log1p(count)) / Math.log1p(highest));
        context.fillRect(scale.left + column, part.up ? base - high : base, 1, high);
      }
    }
  }

  at(time, slack) {
    const { times, codes, entries } = this.device;
    const counted = (i) => this.part.has(entries[codes[i]][0]);
    const text = (i) => `${seconds(times[i])} ${this.device.name} ${entries[codes[i]][1]}`;
    return nearest(times, time, slack, text, counted);
  }
}

// The level of a wire: filled while it is high.
class WireLane {
  height = 14;

  constructor(device, wire) {
    this.label = `  ${wire}`;
    this.wire = wire;
    this.times = [];
    this.levels = [];
    const level = new Map();
    device.entries.forEach(([kind, text], code) => {
      if (kind === "wire" && text.startsWith(`wire ${wire}=`)) level.set(code, text.endsWith("1"));
    });
    for (let i = 0; i < device.times.length; i++) {
      const now = level.get(device.codes[i]);
      if (now === undefined) continue;
      this.times.push(device.times[i]);
      this.levels.push(now);
    }
  }

  draw(context, top, scale) {
    context.fillStyle = scale.colours.grid;
    context.fillRect(scale.left, top + this.height - 3, scale.right - scale.left, 1);
    context.fillStyle = scale.colours.wire;
    let index = Math.max(0, indexOf(this.times, scale.time(scale.left)) - 1);
    let drawn = Math.floor(scale.left);
    for (; index < this.times.length; index++) {
      const left = scale.x(this.times[index]);
      if (left > scale.right) break;
      if (!this.levels[index]) continue;
      const next = index + 1 < this.times.length ? this.times[index + 1] : Infinity;
      const right = Math.min(scale.x(next), scale.right);
      // Whole pixels: however short a pulse is, it is seen, and many are drawn as one.
      const from = Math.max(Math.floor(left), drawn);
      const to = Math.max(Math.ceil(right), from + 1);
      if (right < drawn) continue;
      context.fillRect(from, top + 3, to - from, this.height - 6);
      drawn = to;
    }
  }

  at(time) {
    const index = indexOf(this.times, time) - 1;
    if (index < 0) return undefined;
    return `${seconds(this.times[index])} wire ${this.wire}=${this.levels[index] ? 1 : 0}`;
  }
}

// What `text(index)` says of the time nearest to `time`, within `slack`.
function nearest(times, time, slack, text, counts = () => true) {
  let best = -1;
  for (let i = indexOf(times, time - slack); i < times.length && times[i] <= time + slack; i++) {
    if (!counts(i)) continue;
    if (best < 0 || Math.abs(times[i] - time) < Math.abs(times[best] - time)) best = i;
  }
  return best < 0 ? undefined : text(best);
}
