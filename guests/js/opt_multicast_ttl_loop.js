// guests/c/opt_multicast_ttl_loop.c in JavaScript.
import * as os from "os";
import { setInt, show, showOption, tcp, udp } from "./t.js";

let fd = udp(os.AF_INET);
await showOption("IP_MULTICAST_TTL", fd, os.IPPROTO_IP, os.IP_MULTICAST_TTL);
await show("set 9", setInt(fd, os.IPPROTO_IP, os.IP_MULTICAST_TTL, 9));
await showOption("IP_MULTICAST_TTL", fd, os.IPPROTO_IP, os.IP_MULTICAST_TTL);
await show("set 256", setInt(fd, os.IPPROTO_IP, os.IP_MULTICAST_TTL, 256));
await showOption("IP_MULTICAST_LOOP", fd, os.IPPROTO_IP, os.IP_MULTICAST_LOOP);
await show("set 0", setInt(fd, os.IPPROTO_IP, os.IP_MULTICAST_LOOP, 0));
await showOption("IP_MULTICAST_LOOP", fd, os.IPPROTO_IP, os.IP_MULTICAST_LOOP);
fd = udp(os.AF_INET6);
await showOption("IPV6_MULTICAST_LOOP", fd, os.IPPROTO_IPV6, os.IPV6_MULTICAST_LOOP);
await show("set 0", setInt(fd, os.IPPROTO_IPV6, os.IPV6_MULTICAST_LOOP, 0));
await showOption("IPV6_MULTICAST_LOOP", fd, os.IPPROTO_IPV6, os.IPV6_MULTICAST_LOOP);
await show("TCP set IP_MULTICAST_TTL", setInt(tcp(os.AF_INET), os.IPPROTO_IP, os.IP_MULTICAST_TTL, 9));
