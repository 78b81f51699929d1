// lookup.js [--async] [-4|-6|-46] NAME...: the lines of guests/c/app_lookup.c, by os.getaddrinfo or its twin.
import * as os from "os";

const codes = ["AGAIN", "BADFLAGS", "FAIL", "FAMILY", "MEMORY", "NODATA", "NONAME", "SERVICE", "SOCKTYPE", "SYSTEM"];
const nameOf = (code) => "EAI_" + (codes.find((name) => os["EAI_" + name] === code) ?? code);

const args = scriptArgs.slice(1);
const later = args[0] === "--async";
if (later) args.shift();
let family = os.AF_INET;
for (const arg of args) {
    if (arg.startsWith("-")) {
        family = {"-4": os.AF_INET, "-6": os.AF_INET6, "-46": os.AF_UNSPEC}[arg];
        continue;
    }
    const hints = {family, socktype: os.SOCK_STREAM};
    let found;
    try {
        found = later ? await os.getaddrinfoAsync(arg, hints) : os.getaddrinfo(arg, hints);
    } catch (error) {
        found = error;
    }
    const texts = Array.isArray(found) ? found.map((one) => one.addr).sort() : [nameOf(found)];
    print(arg + ":", ...texts);
}
