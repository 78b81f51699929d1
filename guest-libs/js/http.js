// guestnet:http: an HTTP/1.1 client and server over the sockets of os. Plain HTTP only: there is no TLS.

export { Client, parseUrl, request } from "guestnet:http/client";
export { Headers, HttpError, limits } from "guestnet:http/message";
export { serve } from "guestnet:http/server";
