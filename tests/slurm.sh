#!/usr/bin/env bash
# An experiment on a real Slurm: a cluster of one node on this machine, with Debian's slurm-wlm and munge.
#
#     tests/slurm.sh BINARY
#
# As root; everything it writes is below a temporary folder, but munge's key where there is none yet.
set -euo pipefail

mct_hfr=$(realpath "$1")
work=$(mktemp -d)
started=()
finish() {
    for pid in "${started[@]}"; do kill "$pid" 2>/dev/null || true; done
    # They write their state when they end.
    for pid in "${started[@]}"; do wait "$pid" 2>/dev/null || true; done
    rm -rf "$work"
}
trap finish EXIT

# Waits until these jobs, separated by commas, have left the queue.
await() {
    for _ in $(seq 400); do
        [ -z "$(squeue -h -j "$1" 2>/dev/null)" ] && return
        sleep 0.5
    done
}

printf 'munge\n'
if ! munge -n 2>/dev/null | unmunge >/dev/null 2>&1; then
    [ -s /etc/munge/munge.key ] || {
        dd if=/dev/urandom of=/etc/munge/munge.key bs=1024 count=1 status=none
        chown munge: /etc/munge/munge.key
        chmod 400 /etc/munge/munge.key
    }
    mkdir -p /run/munge && chown munge: /run/munge
    runuser -u munge -- /usr/sbin/munged --foreground >"$work/munged.log" 2>&1 &
    started+=($!)
    for _ in $(seq 50); do munge -n 2>/dev/null | unmunge >/dev/null 2>&1 && break; sleep 0.2; done
fi

printf 'slurmctld and slurmd\n'
name=$(hostname -s)
cat >"$work/slurm.conf" <<CONF
ClusterName=mct
SlurmctldHost=$name(127.0.0.1)
SlurmctldPort=16817
SlurmdPort=16818
AuthType=auth/munge
SlurmUser=root
SlurmdUser=root
StateSaveLocation=$work/state
SlurmdSpoolDir=$work/spool
SlurmctldPidFile=$work/slurmctld.pid
SlurmdPidFile=$work/slurmd.pid
SlurmctldLogFile=$work/slurmctld.log
SlurmdLogFile=$work/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerType=sched/backfill
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
ReturnToService=2
MpiDefault=none
NodeName=$name NodeAddr=127.0.0.1 CPUs=$(nproc) State=UNKNOWN
PartitionName=all Nodes=$name Default=YES MaxTime=INFINITE State=UP
CONF
mkdir -p "$work/state" "$work/spool"
export SLURM_CONF="$work/slurm.conf"
slurmctld -D >"$work/slurmctld.out" 2>&1 &
started+=($!)
slurmd -D >"$work/slurmd.out" 2>&1 &
started+=($!)
for _ in $(seq 100); do
    [ "$(sinfo -h -o %t 2>/dev/null | head -n 1)" = idle ] && break
    sleep 0.3
done
sinfo

printf 'an experiment as an array job\n'
cd "$work"
"$mct_hfr" corpus demo --scale 0.02 --out corpus.safetensors
cat >grid.toml <<'GRID'
title = "Two systems on a cluster"
views = ["scores", "curves"]

[[rows]]
name = "MCT"
system = "mct"
strategy = "complete"

[[rows]]
name = "MCT-HFR"
system = "mct-hfr"
strategy = "dynamic"
GRID
words=(grid.toml --corpus corpus.safetensors --out out --preset demo --folds 0,1 --seeds 1
    --set training.epochs=1 --set model.d=8 --set model.heads=2 --set model.layers=1 --device flex)
job=$("$mct_hfr" experiment "${words[@]}" --engine slurm --jobs 2)
if "$mct_hfr" experiment collect "${words[@]}" >early.txt 2>&1; then
    printf 'a report was written before the runs had ended\n' >&2
    exit 1
fi
await "$job"
finished=$(find out/runs -name predictions.json | wc -l)
printf 'job %s: %s of 4 runs finished\n' "$job" "$finished"
[ "$finished" = 4 ] || {
    cat out/runs/*/log.txt out/slurm-*.txt "$work"/slurm*.out >&2
    exit 1
}
"$mct_hfr" experiment collect "${words[@]}"
grep -q 'MCT-HFR' out/grid/report.html
# The same command finds nothing left to do.
"$mct_hfr" experiment "${words[@]}" --dry-run | tail -n 1 | tee last.txt
grep -q '^0 of 4 runs to do' last.txt

printf 'a search, each rung of which is a job\n'
cat >space.toml <<'SPACE'
systems = ["mct", "chfn"]

[common]
"training.learning_rate" = { log = [1e-3, 1e-2] }
SPACE
search=(search space.toml "${words[@]:1}" --out searched --set training.epochs=3 --budget 3 --engine slurm --jobs 2)
for _ in 1 2; do
    await "$("$mct_hfr" "${search[@]}")"
done
"$mct_hfr" "${search[@]}" >search.txt
grep -q 'CHFN 0' search.txt
grep -q '^.chosen.$' searched/space/best.toml

printf 'three submissions to one folder at once, the last of what the first does\n'
cat >other.toml <<'GRID'
title = "Another system, meanwhile"
views = ["scores"]

[[rows]]
name = "MulT"
system = "mult"
strategy = "complete"
GRID
shared=("${words[@]:1}" --out shared)
first=$("$mct_hfr" experiment grid.toml "${shared[@]}" --engine slurm --jobs 2)
second=$("$mct_hfr" experiment other.toml "${shared[@]}" --engine slurm --jobs 2)
third=$("$mct_hfr" experiment grid.toml "${shared[@]}" --engine slurm --jobs 2)
await "$first,$second,$third"
finished=$(find shared/runs -name predictions.json | wc -l)
printf 'jobs %s, %s, %s: %s of 6 runs finished\n' "$first" "$second" "$third" "$finished"
[ "$finished" = 6 ] || {
    cat shared/runs/*/log.txt shared/slurm-*.txt "$work"/slurm*.out >&2
    exit 1
}
"$mct_hfr" experiment collect grid.toml "${shared[@]}"
"$mct_hfr" experiment collect other.toml "${shared[@]}"
# Each run is of its own row, and but for its time the same as when nothing else was submitted.
untimed() { sed 's/"sha256":"[^"]*"//; s/"training_seconds":[^,]*//' "$1"; }
for run in out/runs/*/; do
    grep -q '"training_seconds":[0-9]' "shared/runs/$(basename "$run")/predictions.json"
    cmp <(untimed "${run}predictions.json") <(untimed "shared/runs/$(basename "$run")/predictions.json")
done
grep -l 'system = "mult"' shared/runs/*/config.toml | wc -l | grep -qx 2

printf 'an extraction as an array job\n'
printf 'id,audio,label\n' >'a table.csv'
for k in 1 2 3 4 5; do
    ffmpeg -nostdin -v error -f lavfi -i "sine=frequency=$((100 * k)):duration=0.$((4 + k))" "it's $k.wav"
    printf "u$k,it's $k.wav,l$((k % 2))\n" >>'a table.csv'
done
extract=(corpus extract 'a table.csv' --from table --features log-mel)
"$mct_hfr" "${extract[@]}" --out here.safetensors
job=$("$mct_hfr" "${extract[@]}" --out there.safetensors --slurm 2)
await "$job"
done=$(find there.safetensors.parts -name '*.json' | wc -l)
printf 'job %s: %s of 5 recordings\n' "$job" "$done"
[ "$done" = 5 ] || {
    cat there.safetensors.parts/slurm* "$work"/slurm*.out >&2
    exit 1
}
"$mct_hfr" "${extract[@]}" --out there.safetensors
cmp here.safetensors there.safetensors
[ ! -e there.safetensors.parts ]
printf 'slurm: passed\n'
