// SPDX-License-Identifier: MIT
"use strict";

// Every line of every device's trace in one list, searched and filtered.
class Activity {
  static KINDS = ["R", "W", "DMA", "wire", "event", "refused"];
  static NAMES = {
    R: "reads", W: "writes", DMA: "DMA", wire: "wires", event: "events", refused: "refused",
  };

  constructor(page, view, devices) {
    this.view = view;
    this.devices = devices;
    this.page = page;
    this.merge();
    this.shown = new Uint32Array(0);
    this.rows = new Rows(
      page.activity,
      ["Seconds", "Device", "Kind", "Registers by field, DMA, wires"],
      "7.5rem 14rem 5rem 1fr",
      (index, row) => this.fill(index, row),
    );
    devices.forEach((device, index) => {
      element("option", "", page.device, device.name).value = String(index);
    });
    this.boxes = new Map(
      Activity.KINDS.map((kind) => {
        const label = element("label", "", page.kinds);
        const box = element("input", "", label);
        box.type = "checkbox";
        box.checked = true;
        label.append(` ${Activity.NAMES[kind]}`);
        box.addEventListener("change", () => this.filter());
        return [kind, box];
      }),
    );
    page.search.addEventListener("input", () => this.filter());
    page.device.addEventListener("change", () => this.filter());
    page.within.addEventListener("change", () => this.filter());
    page.activity.addEventListener("click", (event) => {
      const row = event.target.closest(".row");
      if (row) view.setCursor(this.times[this.shown[Number(row.ariaRowIndex) - 2]]);
    });
    view.listen((_view, cursorMoved) => (cursorMoved ? this.follow() : this.filter()));
    this.filter();
  }

  // One order of all lines: of line `i`, `times[i]`, the device `owner[i]` and its line `index[i]`.
  merge() {
    const total = this.devices.reduce((sum, device) => sum + device.times.length, 0);
    const times = new Float64Array(total);
    const owner = new Uint16Array(total);
    const index = new Uint32Array(total);
    const heads = this.devices.map(() => 0);
    for (let at = 0; at < total; at++) {
      let first = -1;
      for (let d = 0; d < heads.length; d++) {
        if (heads[d] === this.devices[d].times.length) continue;
        if (first < 0 || this.devices[d].times[heads[d]] < this.devices[first].times[heads[first]]) {
          first = d;
        }
      }
      times[at] = this.devices[first].times[heads[first]];
      owner[at] = first;
      index[at] = heads[first]++;
    }
    Object.assign(this, { times, owner, index });
  }

  // Which entries of each device hold every word that is searched for, and are of a wanted kind.
  wanted() {
    const words = this.page.search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const only = this.page.device.value;
    return this.devices.map((device, number) => {
      if (only !== "" && only !== String(number)) return new Uint8Array(device.entries.length);
      const name = `${device.name} `.toLowerCase();
      return Uint8Array.from(device.entries, ([kind, text]) => {
        if (!this.boxes.get(kind).checked) return 0;
        const line = name + text.toLowerCase();
        return words.every((word) => line.includes(word)) ? 1 : 0;
      });
    });
  }

  filter() {
    const wanted = this.wanted();
    const within = this.page.within.checked;
    const first = within ? indexOf(this.times, this.view.begin) : 0;
    const last = within ? indexOf(this.times, this.view.end) : this.times.length;
    const shown = new Uint32Array(last - first);
    let count = 0;
    for (let i = first; i < last; i++) {
      const owner = this.owner[i];
      if (wanted[owner][this.devices[owner].codes[this.index[i]]]) shown[count++] = i;
    }
    this.shown = shown.subarray(0, count);
    const of = this.times.length.toLocaleString("en");
    this.page.found.textContent = `${count.toLocaleString("en")} of ${of} lines`;
    this.rows.setCount(count);
    this.follow();
  }

  // The first line not before the cursor is marked and in sight.
  follow() {
    if (this.view.cursor === null) return;
    let low = 0;
    let high = this.shown.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.times[this.shown[middle]] < this.view.cursor) low = middle + 1;
      else high = middle;
    }
    this.rows.mark(Math.min(low, this.shown.length - 1));
  }

  fill(index, row) {
    const line = this.shown[index];
    const device = this.devices[this.owner[line]];
    const [kind, text] = device.entries[device.codes[this.index[line]]];
    cell(row, "time", seconds(this.times[line]));
    cell(row, "", device.name);
    cell(row, `kind-${kind}`, kind);
    cell(row, kind === "refused" ? "kind-refused" : "", text);
  }
}
