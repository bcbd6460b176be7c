module omni.bench/channel

go 1.24
