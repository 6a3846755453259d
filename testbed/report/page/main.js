// SPDX-License-Identifier: MIT
"use strict";

{
  const data = JSON.parse(document.getElementById("data").textContent);
  const page = Object.fromEntries(
    [...document.querySelectorAll("[id]")].map((found) => [found.id, found]),
  );

  const devices = data.devices.map((device) => {
    const times = new Float64Array(device.steps.length);
    let now = 0;
    device.steps.forEach((step, i) => {
      now += step;
      times[i] = now / 1e6;
    });
    return { ...device, times };
  });

  // A line without a time stands with the one before it.
  const consoles = data.consoles.map(({ name, lines }) => {
    let latest = 0;
    const times = lines.map(([at]) => (latest = Math.max(latest, at ?? latest)));
    return {
      name, times, texts: lines.map(([, text]) => text), untimed: lines.map(([at]) => at === null),
    };
  });

  const view = new View(data.seconds);
  const lanes = [];
  const add = (first, ...some) => {
    some.forEach((lane, index) => lanes.push(Object.assign(lane, { first: first && index === 0 })));
  };
  for (const level of ["testbed", "scenario", "host", "guest"]) {
    const steps = data.steps.filter((step) => step.level === level);
    if (steps.length) add(false, new StepLane(`${level} stages`, steps));
  }
  consoles.forEach(({ name, times, texts }, index) => {
    const label = name === "testbed" ? "testbed.log" : `${name} console`;
    add(index === 0, new ConsoleLane(label, times, texts));
  });
  for (const device of devices.filter((each) => !each.idle)) {
    const has = (...kinds) => device.entries.some(([kind]) => kinds.includes(kind));
    add(
      true,
      new CountLane(
        device.name,
        device,
        [
          { kinds: ["R"], colour: "read", up: true },
          { kinds: ["W"], colour: "write", up: false },
          { kinds: ["refused"], colour: "refused", up: true },
        ],
        36,
      ),
    );
    if (has("DMA")) {
      add(false, new CountLane("  DMA", device, [{ kinds: ["DMA"], colour: "dma", up: true }], 18));
    }
    add(false, ...device.wires.map((wire) => new WireLane(device, wire)));
  }
  page.timeline.setAttribute(
    "aria-label",
    `Time line of ${lanes.map((lane) => lane.label.trim()).join(", ")}; the same is listed below`,
  );
  new Timeline(page.timeline, page.under, view, lanes);
  new Activity(page, view, devices);
  new Consoles(page.consoles, page.line, view, consoles);

  view.listen(() => {
    const cursor = view.cursor === null ? "" : `, cursor at ${seconds(view.cursor)} s`;
    const digits = Math.min(6, Math.max(2, Math.ceil(1 - Math.log10(view.span))));
    page.shown.textContent =
      `${seconds(view.begin, digits)} s to ${seconds(view.end, digits)} s${cursor}`;
  });
  page["zoom-in"].addEventListener("click", () => view.zoom(0.5));
  page["zoom-out"].addEventListener("click", () => view.zoom(2));
  page["zoom-all"].addEventListener("click", () => view.show(0, view.all));
  view.tell(false);
}
