// Package stringsvc provides the string service: two methods, the middlewares
// that log, count and forward its calls, and its HTTP/JSON face.
//
// The business logic ([Local]) knows nothing of HTTP. What every call needs is
// wrapped around it, one [Middleware] a concern; [NewHandler] decodes requests,
// calls the outermost [Service] and encodes its answer; [Server] listens, and
// drains before it stops. The context of a request reaches every layer, so a
// caller's cancel and deadline reach the replica that does the work.
package stringsvc
