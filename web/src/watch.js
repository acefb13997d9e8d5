// Sees every request that the players make, whichever way they make it: both `fetch` and
// XMLHttpRequest are wrapped before a player is loaded. Reads what a refusal says about itself.

/** Paths of the key delivery service; everything else is media. */
const KEY_PATH = /\/keydelivery(\/|$)/i;
const MANIFEST_TYPE = /dash\+xml|mpegurl|vnd\.ms-sstr/i;

export const isKeyDelivery = (url) => KEY_PATH.test(new URL(url, location.href).pathname);

/** "manifest", "key", "licence" or "segment"; refusals have no media type, so the URL counts too. */
const kindOf = (method, url, contentType) => {
  if (isKeyDelivery(url)) return method === "POST" ? "licence" : "key";
  return MANIFEST_TYPE.test(contentType) || /\/manifest/i.test(url) ? "manifest" : "segment";
};

/** The members of an RFC 9457 problem document, or nothing when the body is none. */
const problemOf = (text) => {
  try {
    const { title, code, detail } = JSON.parse(text);
    return title || detail ? { title, code, detail } : undefined;
  } catch {
    return undefined;
  }
};

/** Calls `report` once for each finished request with what was asked and what came of it. */
export const watchRequests = (report) => {
  watchFetch(report);
  watchXhr(report);
};

const entry = (method, url, started, status, contentType, body) => ({
  method,
  url: new URL(url, location.href).href,
  kind: kindOf(method, url, contentType ?? ""),
  status,
  ms: Math.round(performance.now() - started),
  problem: status >= 400 && body ? problemOf(body) : undefined,
});

const watchFetch = (report) => {
  const original = window.fetch;
  window.fetch = async (input, options) => {
    const request = input instanceof Request ? input : undefined;
    const url = request?.url ?? String(input);
    const method = (options?.method ?? request?.method ?? "GET").toUpperCase();
    const started = performance.now();
    try {
      const response = await original.call(window, input, options);
      const body = response.ok ? "" : await response.clone().text();
      const type = response.headers.get("content-type");
      report(entry(method, url, started, response.status, type, body));
      return response;
    } catch (error) {
      if (error.name !== "AbortError") report(entry(method, url, started, 0));
      throw error;
    }
  };
};

const watchXhr = (report) => {
  const { open, send } = XMLHttpRequest.prototype;
  const asked = new WeakMap();
  XMLHttpRequest.prototype.open = function (method, url, ...rest) {
    asked.set(this, { method: method.toUpperCase(), url: String(url) });
    return open.call(this, method, url, ...rest);
  };
  XMLHttpRequest.prototype.send = function (body) {
    const { method, url } = asked.get(this);
    const started = performance.now();
    const finish = () => {
      const text = this.status >= 400 ? textOf(this) : "";
      report(entry(method, url, started, this.status, this.getResponseHeader("content-type"), text));
    };
    this.addEventListener("load", finish);
    this.addEventListener("error", finish);
    this.addEventListener("timeout", finish);
    return send.call(this, body);
  };
};

const textOf = (xhr) => {
  if (xhr.responseType === "arraybuffer") return new TextDecoder().decode(xhr.response ?? undefined);
  if (xhr.responseType === "json") return JSON.stringify(xhr.response);
  return xhr.responseType === "" || xhr.responseType === "text" ? xhr.responseText : "";
};
