// SPDX-License-Identifier: MIT
"use strict";

// The address says which run is shown, so that the browser's own way back works.
{
  const overview = document.getElementById("overview");
  const one = document.getElementById("one");
  const frame = document.getElementById("frame");
  let shown = null;

  async function unpacked(packed) {
    const bytes = Uint8Array.from(atob(packed), (letter) => letter.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    return new Blob([await new Response(stream).arrayBuffer()], { type: "text/html" });
  }

  async function show() {
    const number = /^#run-(\d+)$/.exec(location.hash)?.[1];
    const packed = number === undefined ? null : document.getElementById(`page-${number}`);
    overview.hidden = packed !== null;
    one.hidden = packed === null;
    if (shown !== null) URL.revokeObjectURL(shown);
    shown = packed === null ? null : URL.createObjectURL(await unpacked(packed.textContent));
    // Replacing it leaves no entry of its own in the history.
    frame.contentWindow.location.replace(shown ?? "about:blank");
    if (shown !== null) frame.focus();
  }

  window.addEventListener("hashchange", show);
  show();
}
