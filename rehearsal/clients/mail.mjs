// A mail server that keeps what it is given (RFC 5321, as much as one careful sender needs).
import { createServer } from "node:net";

const received = [];

/** Listens; the code of the newest mail is at [`newestCode`]. */
export function receive(port) {
  const server = createServer((socket) => {
    socket.setEncoding("utf8");
    const say = (line) => socket.write(`${line}\r\n`);
    let data;
    let rest = "";
    say("220 mail.example.com");
    socket.on("error", () => {});
    socket.on("data", (chunk) => {
      const lines = (rest + chunk).split("\r\n");
      rest = lines.pop();
      for (const line of lines) {
        if (data) {
          if (line !== ".") data.push(line);
          else { received.push(data.join("\n")); data = undefined; say("250 kept"); }
        } else if (line === "DATA") { data = []; say("354 go on"); }
        else if (line === "QUIT") { say("221 bye"); socket.end(); }
        else say("250 mail.example.com");
      }
    });
  });
  server.listen(port, "127.0.0.1").unref();
}

/** The six digits that end a line of the newest mail. */
export const newestCode = () => received.at(-1)?.match(/: (\d{6})$/m)?.[1];
