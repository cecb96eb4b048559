module example.org/ocenjws

go 1.19
