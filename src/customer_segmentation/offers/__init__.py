"""What to offer to whom: preferences of segments, next best offers of customers, and their trial.

Data flows one way: sales -> purchases -> preferences, recommender -> evaluation -> trial ->
campaign -> run.
"""
