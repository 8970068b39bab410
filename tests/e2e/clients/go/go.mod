module ghproxy.example/clients

// The newest go-github that the Go of Debian 12 and Ubuntu 22.04 compiles.
go 1.18

require github.com/google/go-github/v57 v57.0.0

require github.com/google/go-querystring v1.1.0 // indirect
