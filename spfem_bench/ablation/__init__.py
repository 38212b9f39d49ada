"""One backbone, every supervision, the same steps: from pre-training to the leaderboard, by one run file.

    spec -> pre-trained states, warm starts -> scales -> search on validation people -> fine-tuned variants
         -> rows on held-out people, one bundle for each training seed -> table, strips, text control

What is finished lies in the run's folder and is not done again (`spfem_bench.ablation.run`).
"""
