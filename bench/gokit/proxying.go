package gokit

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/go-kit/kit/circuitbreaker"
	"github.com/go-kit/kit/endpoint"
	"github.com/go-kit/kit/ratelimit"
	"github.com/go-kit/kit/sd"
	"github.com/go-kit/kit/sd/lb"
	httptransport "github.com/go-kit/kit/transport/http"
	"github.com/go-kit/log"
	"github.com/sony/gobreaker"
	"golang.org/x/time/rate"
)

// The tutorial's settings of the client, constants there as here.
const (
	qps         = 100
	maxAttempts = 3
	maxTime     = 250 * time.Millisecond
)

// ProxyParams says where Uppercase goes.
type ProxyParams struct {
	Instances   string       // comma-separated; empty = serve locally
	OpenLimiter bool         // let every call pass the limiter; false = as the tutorial has it
	Client      *http.Client // nil = http.DefaultClient, as the tutorial has it
	Logger      log.Logger   // gets one line at start
}

// Proxying sends Uppercase to the instances and leaves Count to the next service. ctx is captured here, once, for the life of
// the process: the tutorial's way, and the reason why no caller's deadline ever gets through. An instance that is no URL
// panics.
func Proxying(ctx context.Context, p ProxyParams) Middleware {
	if p.Instances == "" {
		_ = p.Logger.Log("proxy_to", "none")
		return func(next Service) Service { return next }
	}
	instances := split(p.Instances)
	_ = p.Logger.Log("proxy_to", fmt.Sprint(instances))
	var endpoints sd.FixedEndpointer
	for _, instance := range instances {
		e := uppercaseProxy(instance, p.Client)
		e = circuitbreaker.Gobreaker(gobreaker.NewCircuitBreaker(gobreaker.Settings{}))(e)
		e = ratelimit.NewErroringLimiter(limiter(p.OpenLimiter))(e)
		endpoints = append(endpoints, e)
	}
	retry := lb.Retry(maxAttempts, maxTime, lb.NewRoundRobin(endpoints))
	return func(next Service) Service { return proxy{ctx: ctx, next: next, uppercase: retry} }
}

type proxy struct {
	ctx       context.Context
	next      Service
	uppercase endpoint.Endpoint
}

func (p proxy) Count(s string) int { return p.next.Count(s) }

func (p proxy) Uppercase(s string) (string, error) {
	response, err := p.uppercase(p.ctx, UppercaseRequest(s))
	if err != nil {
		return "", err
	}
	v, text := UppercaseReply(response)
	if text != "" {
		return v, errors.New(text)
	}
	return v, nil
}

// limiter is the tutorial's: one token a second with room for a hundred, where a hundred a second was meant.
func limiter(open bool) *rate.Limiter {
	if open {
		return rate.NewLimiter(rate.Inf, 0)
	}
	return rate.NewLimiter(rate.Every(time.Second), qps)
}

// uppercaseProxy takes any name that starts with "http" for one that has a scheme, as the tutorial does.
func uppercaseProxy(instance string, client *http.Client) endpoint.Endpoint {
	if !strings.HasPrefix(instance, "http") {
		instance = "http://" + instance
	}
	u, err := url.Parse(instance)
	if err != nil {
		panic(err)
	}
	if u.Path == "" {
		u.Path = "/uppercase"
	}
	if client == nil {
		return UppercaseClient(u)
	}
	return UppercaseClient(u, httptransport.SetClient(client))
}

// split keeps empty entries, as the tutorial does.
func split(s string) []string {
	list := strings.Split(s, ",")
	for i := range list {
		list[i] = strings.TrimSpace(list[i])
	}
	return list
}
