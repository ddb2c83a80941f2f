// Heat that lies over a photo: red where a region speaks for the same animal, blue where against.

import { el } from "./dom.js";

const FOR = [230, 30, 20];
const AGAINST = [30, 70, 230];
const MOST_COVER = 0.75; // of the photo under the strongest heat

export function heatLayer({ values, region }) {
  const [left, top, right, bottom] = region;
  const layer = el("canvas", {
    class: "heat-layer",
    width: values[0].length,
    height: values.length,
    "aria-hidden": "true",
  });
  Object.assign(layer.style, {
    left: `${left * 100}%`,
    top: `${top * 100}%`,
    width: `${(right - left) * 100}%`,
    height: `${(bottom - top) * 100}%`,
  });
  const pen = layer.getContext("2d");
  const pixels = pen.createImageData(layer.width, layer.height);
  values.flat().forEach((value, at) => {
    const cover = Math.round(255 * MOST_COVER * Math.min(1, Math.abs(value)));
    pixels.data.set([...(value > 0 ? FOR : AGAINST), cover], 4 * at);
  });
  pen.putImageData(pixels, 0, 0);
  return layer;
}
