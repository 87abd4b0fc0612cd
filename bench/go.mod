module github.com/rota-go/rota/bench

go 1.26.0

require (
	connectrpc.com/connect v1.21.1
	github.com/go-kit/kit v0.13.0
	github.com/go-kit/log v0.2.1
	github.com/prometheus/client_golang v1.25.0
	github.com/rota-go/rota v0.0.0
	github.com/sony/gobreaker v0.4.1
	golang.org/x/time v0.16.0
	google.golang.org/protobuf v1.36.12
)

require (
	github.com/afex/hystrix-go v0.0.0-20180502004556-fa1af6a1f4f5 // indirect
	github.com/beorn7/perks v1.0.1 // indirect
	github.com/cespare/xxhash/v2 v2.3.0 // indirect
	github.com/go-logfmt/logfmt v0.5.1 // indirect
	github.com/munnerz/goautoneg v0.0.0-20191010083416-a7dc8b61c822 // indirect
	github.com/prometheus/client_model v0.6.3 // indirect
	github.com/prometheus/common v0.72.0 // indirect
	github.com/prometheus/procfs v0.22.0 // indirect
	github.com/rota-go/rota/cmd/rota v0.0.0-00010101000000-000000000000 // indirect
	github.com/rota-go/rota/rotadash v0.0.0 // indirect
	github.com/rota-go/rota/rotaprom v0.0.0 // indirect
	github.com/rota-go/rota/stringsvc v0.0.0 // indirect
	github.com/smartystreets/goconvey v1.8.1 // indirect
	github.com/streadway/handy v0.0.0-20200128134331-0f66f006fb2e // indirect
	go.yaml.in/yaml/v4 v4.0.0 // indirect
	golang.org/x/net v0.59.0 // indirect
	golang.org/x/sys v0.48.0 // indirect
	golang.org/x/text v0.42.0 // indirect
)

replace (
	github.com/rota-go/rota => ../
	github.com/rota-go/rota/cmd/rota => ../cmd/rota
	github.com/rota-go/rota/rotadash => ../rotadash
	github.com/rota-go/rota/rotaprom => ../rotaprom
	github.com/rota-go/rota/stringsvc => ../stringsvc
)

// Built as processes by the tests and commands, by their import paths; nothing here imports them.
tool (
	github.com/rota-go/rota/cmd/rota
	github.com/rota-go/rota/stringsvc/cmd/stringsvc
)
