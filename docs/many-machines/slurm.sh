#!/bin/bash
# A benchmark as a Slurm array: each task does one part of the runs. Submit with: sbatch slurm.sh
# Afterwards, or at any time in between: holdfast collect "$STORE"
#SBATCH --job-name=holdfast
#SBATCH --array=1-8
#SBATCH --cpus-per-task=1
#SBATCH --requeue
set -euo pipefail

# A folder that all nodes see.
STORE=${STORE:-$HOME/holdfast-runs}

# exec: the signal with which Slurm ends a task reaches holdfast, which stops after the step at hand.
exec holdfast bench split-mnist \
  --method none,ewc,lwf,replay,joint --scenario task,domain,class --seeds 1..10 \
  --store "$STORE" --jobs "$SLURM_CPUS_PER_TASK" \
  --shard "$SLURM_ARRAY_TASK_ID/$SLURM_ARRAY_TASK_COUNT"
