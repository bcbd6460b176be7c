module omni.bench/queue

go 1.24
