// Package rotahttp calls HTTP services through rota, and serves calls made that way.
//
// Endpoint is a typed call: it encodes a request, decodes the reply inside the attempt, so that a reply cut in half is
// tried elsewhere, and returns a value. Transport is an http.RoundTripper, for an *http.Client that exists already.
//
// Handler is the other half: it takes the deadline and the trail of processes off the wire, refuses calls that came
// back to where they were, that nobody waits for any more or that there is no room for, says in every reply how busy the
// server is, and hands on what belongs to the caller's trace. Run serves it until a signal, and lets the callers go
// elsewhere before the server does.
//
// An Instance's Addr is "host:port", or a URL with http or https. A URL's path comes before the path of the call.
package rotahttp
