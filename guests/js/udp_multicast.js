// guests/c/udp_multicast.c in JavaScript.
import * as os from "os";
import { bytes, ip, localAddr, must, show, showData, udp, udpBound } from "./t.js";

const member = udp(os.AF_INET), sender = await udpBound(os.AF_INET);
await must("bind", os.bind(member, ip("0.0.0.0", 0)));
const request = Uint8Array.of(239, 255, 7, 9, 127, 0, 0, 1); // struct ip_mreq
await show("join", os.setsockopt(member, os.IPPROTO_IP, os.IP_ADD_MEMBERSHIP, request));
const buffer = new Uint8Array(16);
await show("sendto the group", os.sendto(sender, ip("239.255.7.9", localAddr(member).port), bytes("to members")));
await showData("recv", os.recv(member, buffer), buffer);
await show("leave", os.setsockopt(member, os.IPPROTO_IP, os.IP_DROP_MEMBERSHIP, request));
