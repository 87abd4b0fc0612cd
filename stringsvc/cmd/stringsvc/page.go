package main

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"

	"github.com/rota-go/rota/rotadash"
)

// newPage returns the live page of a front, which knows no front yet.
func newPage(cfg config, logger *slog.Logger) (*rotadash.Dash, error) {
	params := rotadash.Params{Title: "string service", Version: version(), Write: cfg.adminWrite, Actions: cfg.actions, Log: logger}
	if cfg.adminToken != "" {
		file, err := os.ReadFile(cfg.adminToken)
		if err != nil {
			return nil, fmt.Errorf("-admin-token-file: %w", err)
		}
		line, _, _ := bytes.Cut(file, []byte("\n"))
		if params.Token = string(bytes.TrimSpace(line)); params.Token == "" {
			return nil, fmt.Errorf("-admin-token-file=%q: its first line is empty", cfg.adminToken)
		}
	}
	return rotadash.New(params)
}

// show has the page show the front.
func (a *app) show() error {
	if a.page == nil {
		return nil
	}
	return a.page.Set([]rotadash.Service{{
		Name: a.front.Stats().Service, Source: a.front, Ejector: a.front, Overrides: a.front.Overrides(),
	}})
}

// servePage serves the page until the func that it returns has ended it.
func servePage(page *rotadash.Dash, l net.Listener, logger *slog.Logger) (end func()) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	logger.Info("live page", "url", "http://"+l.Addr().String()+"/")
	go func() {
		defer close(ended)
		if err := page.Serve(ctx, l); err != nil {
			logger.Error("live page", "err", err)
		}
	}()
	return func() {
		cancel()
		<-ended
	}
}
