package gokit

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"

	"github.com/go-kit/kit/endpoint"
	httptransport "github.com/go-kit/kit/transport/http"
)

type uppercaseRequest struct {
	S string `json:"s"`
}

type uppercaseResponse struct {
	V   string `json:"v"`
	Err string `json:"err,omitempty"`
}

type countRequest struct {
	S string `json:"s"`
}

type countResponse struct {
	V int `json:"v"`
}

// UppercaseHandler serves the method over HTTP.
func UppercaseHandler(svc Service) http.Handler {
	return httptransport.NewServer(uppercaseEndpoint(svc), decode[uppercaseRequest], encodeResponse)
}

// CountHandler serves the method over HTTP.
func CountHandler(svc Service) http.Handler {
	return httptransport.NewServer(countEndpoint(svc), decode[countRequest], encodeResponse)
}

// uppercaseEndpoint puts any error in the body and reports success. The tutorial means business errors; a remote call that
// failed takes the same road, and leaves as a 200.
func uppercaseEndpoint(svc Service) endpoint.Endpoint {
	return func(_ context.Context, request any) (any, error) {
		v, err := svc.Uppercase(request.(uppercaseRequest).S)
		if err != nil {
			return uppercaseResponse{V: v, Err: err.Error()}, nil
		}
		return uppercaseResponse{V: v}, nil
	}
}

func countEndpoint(svc Service) endpoint.Endpoint {
	return func(_ context.Context, request any) (any, error) {
		return countResponse{V: svc.Count(request.(countRequest).S)}, nil
	}
}

func decode[T any](_ context.Context, r *http.Request) (any, error) {
	var v T
	if err := json.NewDecoder(r.Body).Decode(&v); err != nil {
		return nil, err
	}
	return v, nil
}

func encodeResponse(_ context.Context, w http.ResponseWriter, response any) error {
	return json.NewEncoder(w).Encode(response)
}

// UppercaseClient is the remote method as a service middleware of the tutorial calls it: a GET with a body. Its request is
// built by UppercaseRequest and its response read by UppercaseReply.
func UppercaseClient(u *url.URL, options ...httptransport.ClientOption) endpoint.Endpoint {
	return httptransport.NewClient("GET", u, encodeRequest, decodeReply[uppercaseResponse], options...).Endpoint()
}

// CountClient is the remote method; the tutorial has none, this one is built like its sibling. Its request is built by
// CountRequest and its response read by CountReply.
func CountClient(u *url.URL, options ...httptransport.ClientOption) endpoint.Endpoint {
	return httptransport.NewClient("GET", u, encodeRequest, decodeReply[countResponse], options...).Endpoint()
}

// UppercaseRequest is what UppercaseClient sends.
func UppercaseRequest(s string) any { return uppercaseRequest{S: s} }

// UppercaseReply splits what UppercaseClient returns into the result and the error text found in the body.
func UppercaseReply(response any) (v, businessErr string) {
	r := response.(uppercaseResponse)
	return r.V, r.Err
}

// CountRequest is what CountClient sends.
func CountRequest(s string) any { return countRequest{S: s} }

// CountReply is what CountClient returns.
func CountReply(response any) int { return response.(countResponse).V }

// encodeRequest sets a body and neither its length nor GetBody, as the tutorial does: the request goes out chunked, and
// net/http cannot send it again when a kept connection turns out to be dead.
func encodeRequest(_ context.Context, r *http.Request, request any) error {
	var b bytes.Buffer
	if err := json.NewEncoder(&b).Encode(request); err != nil {
		return err
	}
	r.Body = io.NopCloser(&b)
	return nil
}

// decodeReply never looks at the status, as the tutorial does not.
func decodeReply[T any](_ context.Context, r *http.Response) (any, error) {
	var v T
	if err := json.NewDecoder(r.Body).Decode(&v); err != nil {
		return nil, err
	}
	return v, nil
}
