#!/bin/bash
# A training on two machines, kept going by Slurm: sbatch slurm.sh
#
# Where a machine fails or the job is preempted, Slurm puts it into the queue again by itself; where
# its time is up, or a process was lost, this script does. JAX finds the other processes by Slurm.
#
# srun ends with the highest code of its tasks: a mistake that one alone comes to (1), by which the
# others lose it (75), is 75 here and tried again. That has a bound.

#SBATCH --job-name=jaxmlp
#SBATCH --nodes=2
#SBATCH --ntasks-per-node=1
#SBATCH --time=24:00:00
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --signal=TERM@120  # before the time is up: it stops with a checkpoint

# The processes end each other, with a line on why; --resume begins where there is nothing yet.
srun --kill-on-bad-exit=0 python -m experiments.mnist --distributed \
    --workdir="${WORKDIR:-runs/mnist}" --resume --checkpoint_every=60seconds
code=$?

most=100
case $code in
    75 | 130 | 137 | 143) # lost another, was interrupted, was killed, was stopped
        if ((${SLURM_RESTART_COUNT:-0} < most)); then
            scontrol requeue "$SLURM_JOB_ID"
        else
            echo "ended with exit code $code after $most restarts: see above why" >&2
        fi
        ;;
esac
exit $code
