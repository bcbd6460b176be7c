/** `servers install | up | down | status`: real servers for the tests. */
import { main } from "./src/command.ts";

process.exitCode = await main(process.argv.slice(2));
