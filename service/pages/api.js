// Requests to the service. Every refusal becomes a Problem with the service's own `detail`.

import { hasText, t } from "./texts.js";

const STORED = "flukeprint.key";
const BUSY = 503;
const MOST_ATTEMPTS = 4; // of an upload while the service is busy
let requestKey = null;
let keyRequest = null;
let signings = 0; // how often somebody signed in or out on this page

// What the person can do, where the page knows it of this kind of problem; else the service's own
// words, which are English.
function problemText(document, status) {
  const { detail, title, request_id: request } = document;
  const slug = slugOf(document);
  const role = /needs the role (\w+)/.exec(detail)?.[1];
  if (slug === "forbidden" && role) return t("problem.role", { role });
  if (hasText(`problem.of.${slug}`)) return t(`problem.of.${slug}`, { request });
  return detail || title || t("problem.status", { status: String(status) });
}

const slugOf = (document) => String(document.type || "").replace(/^.*#problem-/, "");

export class Problem extends Error {
  constructor(document, status, retryAfter = null) {
    super(problemText(document, status));
    this.name = "Problem";
    this.detail = this.message;
    this.status = status;
    this.errors = document.errors || [];
    this.retrySeconds = Number(retryAfter); // 0 where the service names none
    this.slug = slugOf(document);
  }
}

export const key = {
  get: () => sessionStorage.getItem(STORED),
  set: (secret) => sessionStorage.setItem(STORED, secret),
  forget: () => sessionStorage.removeItem(STORED),
};

export function signedInAnew() {
  signings += 1;
}

// Who a request is from: where it was refused, and this is another since, it is sent again.
const sender = () => `${signings} ${key.get()}`;

export function onMissingKey(request) {
  requestKey = request;
}

// Several requests that are refused at once ask the person once.
function keyFor(problem) {
  keyRequest ||= requestKey(problem).finally(() => {
    keyRequest = null;
  });
  return keyRequest;
}

function authorization() {
  const secret = key.get();
  return secret ? { Authorization: `Bearer ${secret}` } : {};
}

export function path(...parts) {
  return (
    "/v1/" +
    parts.map((part) => String(part).split("/").map(encodeURIComponent).join("/")).join("/")
  );
}

export function query(address, parameters) {
  const values = Object.entries(parameters).filter(
    ([, value]) => value !== null && value !== undefined && value !== "",
  );
  const text = new URLSearchParams(values).toString();
  return text ? `${address}${address.includes("?") ? "&" : "?"}${text}` : address;
}

// The same key with each attempt: a request whose answer was lost isn't carried out twice.
export function idempotencyKey() {
  const random = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(random, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

// With `asks` false a refusal is told to whoever called, and nobody is asked to sign in.
export async function send(
  method,
  address,
  { json, form, headers = {}, signal, asks = true } = {},
) {
  const repeatable = method === "POST" ? { "Idempotency-Key": idempotencyKey() } : {};
  const body = json === undefined ? form : JSON.stringify(json);
  const type = json === undefined ? {} : { "Content-Type": "application/json" };
  for (;;) {
    const sent = sender();
    const answer = await fetch(address, {
      method,
      body,
      signal,
      headers: { ...type, ...repeatable, ...headers, ...authorization() },
    });
    if (answer.ok) return answer;
    const problem = await problemOf(answer);
    if (answer.status !== 401 || !asks) throw problem;
    // Otherwise somebody signed in, or changed the key, while this request was under way.
    if (sender() === sent) await keyFor(problem);
  }
}

async function problemOf(answer) {
  const document = await answer.json().catch(() => ({}));
  return new Problem(document, answer.status);
}

async function jsonOf(answer) {
  return (await answer).json();
}

export const get = (address, parameters = {}, options = {}) =>
  jsonOf(send("GET", query(address, parameters), options));
export const post = (address, json = {}) => jsonOf(send("POST", address, { json }));
export const patch = (address, json, etag) =>
  jsonOf(send("PATCH", address, { json, headers: etag ? { "If-Match": etag } : {} }));
export const remove = (address) => jsonOf(send("DELETE", address));
export const nextOf = (page) => page.next ?? page.next_cursor ?? null;

// XMLHttpRequest, because fetch doesn't tell how much of a body has gone out.
export async function upload(address, form, { onprogress, attemptKey }) {
  const headers = { "Idempotency-Key": attemptKey };
  for (let attempt = 1; ; attempt++) {
    const sent = sender();
    try {
      return await uploadOnce(address, form, headers, onprogress);
    } catch (problem) {
      if (problem.status === BUSY && problem.retrySeconds && attempt < MOST_ATTEMPTS)
        await new Promise((resume) => setTimeout(resume, problem.retrySeconds * 1000));
      else if (problem.status !== 401) throw problem;
      else if (sender() === sent) await keyFor(problem);
    }
  }
}

function uploadOnce(address, form, headers, onprogress) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", address);
    request.responseType = "json";
    for (const [name, value] of Object.entries({ ...headers, ...authorization() }))
      request.setRequestHeader(name, value);
    request.upload.onprogress = (event) =>
      event.lengthComputable && onprogress(event.loaded / event.total);
    request.onload = () => {
      if (request.status >= 200 && request.status < 300) resolve(request.response);
      else {
        const retryAfter = request.getResponseHeader("Retry-After");
        reject(new Problem(request.response || {}, request.status, retryAfter));
      }
    };
    request.onerror = () => reject(new Problem({ detail: t("problem.lost") }, 0));
    request.send(form);
  });
}

// Server-sent events over fetch: EventSource can't send a key.
export async function* events(address, signal) {
  const answer = await send("GET", address, { signal });
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const blocks = (rest + value).split("\n\n");
    rest = blocks.pop();
    for (const block of blocks) {
      const name = /^event: (.*)$/m.exec(block);
      const data = /^data: (.*)$/m.exec(block);
      if (name && data) yield { name: name[1], data: JSON.parse(data[1]) };
    }
  }
}
