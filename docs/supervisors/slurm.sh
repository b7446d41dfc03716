#!/bin/bash
# A training on two machines, kept going by Slurm: sbatch slurm.sh
#
# Where a machine fails or the job is preempted, Slurm puts it into the queue again by itself; where
# its time is up, or a process was lost, this script does. JAX finds the other processes by Slurm.

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

case $code in
    75 | 137 | 143) scontrol requeue "$SLURM_JOB_ID" ;; # lost another, was killed, was stopped
esac
exit $code
