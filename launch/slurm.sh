#!/usr/bin/env bash
# A search on the nodes of a Slurm allocation. From the clone, with raykd's environment active:
#
#   sbatch --nodes 4 --gpus-per-node 4 launch/slurm.sh --storage /shared/raykd --study search_spaces/digits.py
#
# What follows the script goes to launch/tune.py as it stands. The storage must be a folder that all nodes see.
# A job that is preempted, or reaches its time limit, is queued again and goes on with its search; without --name
# the search is named after the job. `scancel --signal TERM --batch JOB` ends it politely, with its table.
#
# Other users of the nodes cannot use this Ray: every job has a token of its own. To see TensorBoard, on your machine:
#   ssh -L 6006:127.0.0.1:6006 LOGIN_NODE tensorboard --port 6006 --logdir /shared/raykd
#
# Variables: RAYKD_HEAD_IP, the first node's address, where it has several networks.
#SBATCH --job-name=raykd
#SBATCH --nodes=1
#SBATCH --ntasks-per-node=1
#SBATCH --cpus-per-task=8
#SBATCH --time=24:00:00
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --signal=B:USR1@120
set -euo pipefail
set -m # or else what runs in the background would not hear SIGINT

cd "${SLURM_SUBMIT_DIR:?"error: start this by sbatch"}"
[[ -f launch/tune.py ]] || { echo "error: run sbatch in the clone; there is no launch/tune.py in $PWD" >&2; exit 1; }

storage=runs name="" previous=""
for word in "$@"; do
    case $previous in --storage) storage=$word ;; --name) name=$word ;; esac
    case $word in --storage=*) storage=${word#*=} ;; --name=*) name=${word#*=} ;; esac
    previous=$word
done
arguments=("$@")
[[ -n $name ]] || { name=slurm-$SLURM_JOB_ID; arguments+=(--name "$name"); }
if [[ ${SLURM_RESTART_COUNT:-0} -gt 0 && -e $storage/$name/search.json && " $* " != *" --resume "* ]]; then
    arguments+=(--resume)
fi

# A folder and a port of this job's own, and no `ray stop`: your other jobs may run on the same nodes.
export RAY_TMPDIR=/tmp/raykd-$SLURM_JOB_ID RAY_USAGE_STATS_ENABLED=0
RAY_AUTH_TOKEN=$(python -c 'import secrets; print(secrets.token_hex(32))')
export RAY_AUTH_MODE=token RAY_AUTH_TOKEN
mapfile -t nodes < <(scontrol show hostnames "$SLURM_JOB_NODELIST")
address=${RAYKD_HEAD_IP:-$(python -c 'import ray; print(ray.util.get_node_ip_address())')}
port=$((20000 + SLURM_JOB_ID % 10000))
cpus=${SLURM_CPUS_PER_TASK:-1}
export SRUN_CPUS_PER_TASK=$cpus RAY_ADDRESS=$address:$port # srun does not take the number over from sbatch

steps=() search="" stopped=""
on() { # NODES COUNT COMMAND...: a command on each of the nodes, in the background
    srun --nodelist "$1" --nodes "$2" --ntasks "$2" "${@:3}" &
    steps+=($!)
}
# shellcheck disable=SC2329 # the traps call these two
end() {
    kill -TERM "${steps[@]}" 2> /dev/null || true
    wait "${steps[@]}" 2> /dev/null || true
    srun --nodes "${#nodes[@]}" --ntasks "${#nodes[@]}" --ntasks-per-node 1 rm -rf "$RAY_TMPDIR" || true
}
# shellcheck disable=SC2329
polite() { # a search that hears SIGINT keeps all that is finished, and shows its table
    stopped=$1
    [[ -z $search ]] || kill -INT "$search" 2> /dev/null || true
}
trap end EXIT
trap 'polite USR1' USR1
trap 'polite TERM' TERM

on "${nodes[0]}" 1 ray start --head --block --node-ip-address="$address" --port="$port" --num-cpus="$cpus"
python launch/clusters/wait.py --machines 1
if ((${#nodes[@]} > 1)); then
    others=$(IFS=,; echo "${nodes[*]:1}")
    on "$others" $((${#nodes[@]} - 1)) ray start --block --address="$RAY_ADDRESS" --num-cpus="$cpus"
    python launch/clusters/wait.py --machines "${#nodes[@]}"
fi
[[ -z $stopped ]] || exit 130

python launch/tune.py "${arguments[@]}" &
search=$!
status=0
wait "$search" || status=$?
if [[ -n $stopped ]]; then # the signal ended that wait, not the search
    status=0
    wait "$search" || status=$?
fi
if [[ $stopped == USR1 && $status -eq 130 ]]; then
    echo "the time is up; queued again"
    scontrol requeue "$SLURM_JOB_ID"
fi
exit "$status"
