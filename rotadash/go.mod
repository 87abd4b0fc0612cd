module github.com/rota-go/rota/rotadash

go 1.26.0

require github.com/rota-go/rota v0.0.0

replace github.com/rota-go/rota => ../
