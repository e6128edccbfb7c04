// Counts tokens (o200k_base) of the texts given as one JSON object on stdin: name to text.
import { countTokens } from "gpt-tokenizer/encoding/o200k_base";

let input = "";
for await (const chunk of process.stdin) input += chunk;
const counts = Object.fromEntries(
  Object.entries(JSON.parse(input)).map(([name, text]) => [name, countTokens(text)]),
);
process.stdout.write(JSON.stringify(counts) + "\n");
