module gohttps

go 1.21
