// Follows what is recorded, as it is recorded: TOKEN=... node examples/follow.mjs [URL] [how many events]
// (in a browser, new EventSource(url) does the same where no token is needed).

const [url = "http://localhost:3000", count = "Infinity"] = process.argv.slice(2);
const headers = { Accept: "text/event-stream" };
if (process.env.TOKEN) headers.Authorization = `Bearer ${process.env.TOKEN}`;

let left = Number(count);
let last = process.env.AFTER; // the position of the last event that was seen

while (left > 0) {
  try {
    const response = await fetch(`${url}/v1/events`, { headers: last ? { ...headers, "Last-Event-ID": last } : headers });
    if (!response.ok) throw new Error(`${response.status} ${await response.text()}`);
    let text = "";
    for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) {
      text += chunk;
      const blocks = text.split("\n\n");
      text = blocks.pop();
      for (const block of blocks) {
        const data = block.split("\n").find((line) => line.startsWith("data: "));
        if (!data || left <= 0) continue;
        const event = JSON.parse(data.slice(6));
        last = String(event.Position);
        console.log(event.Timestamp, event.Type, (event.Message ?? [JSON.stringify(event.Facts)]).join(" "));
        left -= 1;
      }
      if (left <= 0) break;
    }
  } catch (error) {
    console.error(`again in a second: ${error.message}`);
    await new Promise((resolve) => setTimeout(resolve, 1000));
  }
}
process.exit(0);
