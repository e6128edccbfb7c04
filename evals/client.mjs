// A client of another implementation than the server's: one call a line on stdin, one answer a line
// on stdout. Usage: node client.mjs COMMAND ARGUMENTS… ; a call is {"tool", "arguments", "timeout"};
// {"list": true} answers with the tools. Progress notifications are counted in each answer.
import { createInterface } from "node:readline";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";

const [command, ...args] = process.argv.slice(2);
const client = new Client({ name: "evals", version: "1.0.0" });
await client.connect(new StdioClientTransport({ command, args, env: process.env, stderr: "inherit" }));
await client.listTools(); // the client then checks answers against the tools' output schemas

for await (const line of createInterface({ input: process.stdin })) {
  const { list, tool, arguments: given = {}, timeout = 600 } = JSON.parse(line);
  let progress = 0;
  let answer;
  try {
    const options = { timeout: timeout * 1000, onprogress: () => progress++, resetTimeoutOnProgress: true };
    answer = list
      ? await client.listTools()
      : await client.callTool({ name: tool, arguments: given }, undefined, options);
  } catch (error) {
    answer = { error: String(error) };
  }
  process.stdout.write(JSON.stringify({ ...answer, progress }) + "\n");
}
await client.close();
