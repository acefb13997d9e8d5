// What went over the wire, seen by the browser itself and not by the player under test.

/** Records every answer of a page; bodies are read for refusals only. */
export const watchWire = (page) => {
  const answers = [];
  const failures = [];
  page.on("response", (response) => {
    const request = response.request();
    const { pathname } = new URL(request.url());
    const answer = { method: request.method(), path: pathname, status: response.status(), type: kindOf(pathname) };
    if (answer.status >= 400) {
      answer.problem = response.json().catch((error) => ({ code: `no problem document: ${error.message}` }));
    }
    answers.push(answer);
  });
  page.on("requestfailed", (request) => {
    const { errorText } = request.failure();
    if (errorText !== "net::ERR_ABORTED") failures.push(`${request.method()} ${request.url()} ${errorText}`);
  });
  const keys = () => answers.filter(({ type }) => type === "key");
  return { answers, failures, keys, refusals: () => keys().filter(({ status }) => status >= 400) };
};

const kindOf = (path) => (/\/keydelivery(\/|$)/i.test(path) ? "key" : "media");
