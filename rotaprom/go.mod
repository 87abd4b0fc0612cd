module github.com/rota-go/rota/rotaprom

go 1.26

require (
	github.com/prometheus/client_golang v1.25.0
	github.com/rota-go/rota v0.0.0
)

replace github.com/rota-go/rota => ../
