// A server that takes hardware descriptions from strangers: POST a Verilog file, get its netlist as JSON. Each request has
// a keep of its own, which sees no file, no network and no other request.
//
//   node examples/embed/server.mjs [PORT]
import { createServer } from "node:http";
import { fileURLToPath } from "node:url";
import { exitStatus, Keep } from "postern";

const yosys = fileURLToPath(new URL("yosys.core.wasm", import.meta.resolve("@yowasp/yosys")));
/** Yosys: read standard input, simplify, write to standard output. */
const args = ["-q", "-f", "verilog", "-p", "proc; opt; write_json", "-"];
const limits = { memory: "512MiB", output: "8MiB", descriptors: 8 };
const timeout = "20s";
const SOURCE_BYTES_MAX = 1 << 20;
const KEEPS_MAX = 4;

let keeps = 0;

function answer(response, status, type, body) {
  response.writeHead(status, { "content-type": type }).end(body);
}

/** The body of a request; undefined when it is too long: then it is read and dropped, so that the client hears the answer. */
async function bodyOf(request) {
  const chunks = [];
  let length = 0;
  for await (const chunk of request) {
    length += chunk.length;
    if (length <= SOURCE_BYTES_MAX) chunks.push(chunk);
  }
  return length <= SOURCE_BYTES_MAX ? Buffer.concat(chunks) : undefined;
}

async function text(stream) {
  let all = "";
  for await (const chunk of stream.setEncoding("utf8")) all += chunk;
  return all;
}

/** Runs Yosys on a source. A client that goes away takes its keep with it. */
async function synthesize(source, response) {
  const gone = new AbortController();
  response.once("close", () => gone.abort());
  const keep = await Keep.launch({
    program: yosys,
    command: true,
    args,
    input: source,
    limits,
    timeout,
    signal: gone.signal,
  });
  const [netlist, complaints, exit] = await Promise.all([text(keep.stdout), text(keep.stderr), keep.exit]);
  if (exit.kind === "exited" && exit.code === 0) answer(response, 200, "application/json", netlist);
  else if (exit.kind === "exited") answer(response, 422, "text/plain", complaints);
  else answer(response, 500, "text/plain", `the keep ended with status ${exitStatus(exit)}\n`);
}

async function handle(request, response) {
  if (request.method !== "POST") return answer(response, 405, "text/plain", "POST a Verilog file\n");
  if (keeps >= KEEPS_MAX) return answer(response, 503, "text/plain", "all keeps are in use; try again\n");
  keeps++;
  try {
    const source = await bodyOf(request);
    if (source === undefined) answer(response, 413, "text/plain", "a source may have 1 MiB\n");
    else await synthesize(source, response);
  } finally {
    keeps--;
  }
}

const server = createServer((request, response) => {
  handle(request, response).catch((error) => {
    console.error(error);
    response.destroy();
  });
});

server.listen(Number(process.argv[2] ?? 8080), "127.0.0.1", () => {
  console.log(`http://127.0.0.1:${server.address().port}/`);
});
