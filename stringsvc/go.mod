module github.com/rota-go/rota/stringsvc

go 1.26.0

require (
	github.com/prometheus/client_golang v1.25.0
	github.com/rota-go/rota v0.0.0
	github.com/rota-go/rota/rotaprom v0.0.0
)

replace (
	github.com/rota-go/rota => ../
	github.com/rota-go/rota/rotaprom => ../rotaprom
)
