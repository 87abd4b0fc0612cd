module github.com/rota-go/rota/cmd/rota

go 1.26.0

require (
	github.com/rota-go/rota v0.0.0
	go.yaml.in/yaml/v4 v4.0.0
)

replace github.com/rota-go/rota => ../..
