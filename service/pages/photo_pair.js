// Two photos of the catalogue: what the service says of them, and where they are compared.

import { get } from "./api.js";

export const pairAddress = (...names) => `#/compare/${names.map(encodeURIComponent).join("/")}`;

export const fetchPair = (one, other, options) => get("/v1/pairs", { one, other }, options);
export const fetchHeat = (one, other, options) => get("/v1/pairs/heat", { one, other }, options);
