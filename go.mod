module github.com/rota-go/rota

go 1.26
