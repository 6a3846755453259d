// SPDX-License-Identifier: MIT
"use strict";

// All lanes below one axis, on a canvas.
class Timeline {
  static AXIS = 24;
  static GAP = 5;

  constructor(canvas, under, view, lanes) {
    this.canvas = canvas;
    this.under = under;
    this.view = view;
    this.lanes = lanes;
    this.asked = false;
    this.height = Timeline.AXIS + lanes.reduce((sum, l) => sum + l.height + Timeline.GAP, 0);
    canvas.style.height = `${this.height}px`;
    view.listen(() => this.ask());
    new ResizeObserver(() => this.ask()).observe(canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.ask());
    this.takeKeys();
    this.takePointer();
  }

  get gutter() {
    return Math.min(170, this.canvas.clientWidth / 4);
  }

  scale() {
    const style = getComputedStyle(this.canvas);
    const colour = (name) => style.getPropertyValue(`--${name}`).trim();
    const left = this.gutter;
    const right = this.canvas.clientWidth - 8;
    const { begin, span } = this.view;
    const perSecond = (right - left) / span;
    return {
      left,
      right,
      x: (time) => left + (time - begin) * perSecond,
      time: (x) => begin + (x - left) / perSecond,
      colours: {
        ink: colour("ink"), soft: colour("soft"), grid: colour("grid"), rule: colour("rule"),
        step: colour("step"), stepInk: colour("step-ink"), failed: colour("failed"),
        line: colour("line"), read: colour("read"), write: colour("write"), dma: colour("dma"),
        wire: colour("wire"), refused: colour("refused"), accent: colour("accent"),
      },
    };
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
    const { canvas } = this;
    const density = devicePixelRatio || 1;
    const width = canvas.clientWidth;
    canvas.width = Math.round(width * density);
    canvas.height = Math.round(this.height * density);
    const context = canvas.getContext("2d");
    context.scale(density, density);
    context.font = '12px system-ui, "DejaVu Sans", sans-serif';
    const scale = this.scale();
    this.drawAxis(context, scale);
    let top = Timeline.AXIS;
    for (const lane of this.lanes) {
      if (lane.first) {
        context.fillStyle = scale.colours.rule;
        context.fillRect(0, top - 3, width, 1);
      }
      this.drawLabel(context, lane.label, top, scale);
      context.save();
      context.beginPath();
      context.rect(scale.left, top, scale.right - scale.left, lane.height);
      context.clip();
      lane.draw(context, top, scale);
      context.restore();
      top += lane.height + Timeline.GAP;
    }
    if (this.view.cursor !== null) {
      const x = scale.x(this.view.cursor);
      context.fillStyle = scale.colours.accent;
      if (x >= scale.left && x <= scale.right) context.fillRect(x, 0, 1.5, this.height);
    }
  }

  drawLabel(context, text, top, scale) {
    context.save();
    context.beginPath();
    context.rect(0, top, scale.left - 8, 20);
    context.clip();
    context.fillStyle = text.startsWith(" ") ? scale.colours.soft : scale.colours.ink;
    context.fillText(text.trim(), text.startsWith(" ") ? 14 : 0, top + 12);
    context.restore();
  }

  drawAxis(context, scale) {
    const step = niceStep(this.view.span / Math.max(2, (scale.right - scale.left) / 90));
    const digits = Math.max(0, Math.ceil(-Math.log10(step) - 1e-9));
    for (let n = Math.ceil(this.view.begin / step); n * step <= this.view.end; n++) {
      const x = scale.x(n * step);
      context.fillStyle = scale.colours.grid;
      context.fillRect(x, 16, 1, this.height);
      context.fillStyle = scale.colours.soft;
      context.fillText(`${(n * step).toFixed(digits)} s`, x - 3, 12);
    }
  }

  laneAt(y) {
    let top = Timeline.AXIS;
    for (const lane of this.lanes) {
      if (y >= top && y < top + lane.height + Timeline.GAP) return [lane, y - top];
      top += lane.height + Timeline.GAP;
    }
    return [null, 0];
  }

  tell(event) {
    const [lane, y] = this.laneAt(event.offsetY);
    const scale = this.scale();
    const time = scale.time(event.offsetX);
    const said = event.offsetX >= scale.left && lane?.at(time, (4 * this.view.span) / (scale.right - scale.left), y);
    this.under.textContent = said || (event.offsetX >= scale.left ? `${seconds(time)} s` : "\u00a0");
  }

  takePointer() {
    const { canvas, view } = this;
    let from = null;
    canvas.addEventListener("pointerdown", (event) => {
      if (event.button !== 0 || event.offsetX < this.gutter) return;
      from = { x: event.offsetX, begin: view.begin, end: view.end, moved: false };
      canvas.setPointerCapture(event.pointerId);
    });
    canvas.addEventListener("pointermove", (event) => {
      if (from === null) {
        this.tell(event);
        return;
      }
      const moved = event.offsetX - from.x;
      if (Math.abs(moved) > 3) from.moved = true;
      if (!from.moved) return;
      const scale = this.scale();
      const by = (moved * (from.end - from.begin)) / (scale.right - scale.left);
      view.show(from.begin - by, from.end - by);
    });
    canvas.addEventListener("pointerup", (event) => {
      if (from !== null && !from.moved) view.setCursor(this.scale().time(event.offsetX));
      from = null;
    });
    canvas.addEventListener("pointercancel", () => {
      from = null;
    });
    canvas.addEventListener("dblclick", (event) => {
      view.zoom(0.25, this.scale().time(event.offsetX));
    });
    canvas.addEventListener(
      "wheel",
      (event) => {
        if (!event.ctrlKey && !event.metaKey) return;
        event.preventDefault();
        view.zoom(event.deltaY < 0 ? 0.8 : 1.25, this.scale().time(event.offsetX));
      },
      { passive: false },
    );
  }

  takeKeys() {
    const { view } = this;
    const cursor = () => view.cursor ?? (view.begin + view.end) / 2;
    const acts = {
      ArrowLeft: (shift) => (shift ? view.setCursor(cursor() - view.span / 100) : view.pan(-0.1)),
      ArrowRight: (shift) => (shift ? view.setCursor(cursor() + view.span / 100) : view.pan(0.1)),
      "+": () => view.zoom(0.5, cursor()),
      "=": () => view.zoom(0.5, cursor()),
      "-": () => view.zoom(2, cursor()),
      0: () => view.show(0, view.all),
      Home: () => view.show(0, view.span),
      End: () => view.show(view.all - view.span, view.all),
    };
    this.canvas.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey || !(event.key in acts)) return;
      event.preventDefault();
      acts[event.key](event.shiftKey);
    });
  }
}

// 1, 2 or 5 times a power of ten, not below `least`.
function niceStep(least) {
  const power = 10 ** Math.floor(Math.log10(least));
  return [1, 2, 5, 10].map((factor) => factor * power).find((step) => step >= least);
}
