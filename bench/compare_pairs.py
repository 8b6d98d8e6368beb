"""What `./dev bench compare` compares: each algorithm with the estimator of scikit-learn or XGBoost that it is meant to equal.

Defaults are compared where the two sides have the same ones; what is given is given to both. `seeds` is the number of seeds that are
averaged on both sides, more than one for training that draws random numbers. `scaled` standardises the features on both sides.
"""
import warnings
from dataclasses import dataclass, field
from typing import Callable, Optional

import sklearn.cluster as cluster
import sklearn.decomposition as decomposition
import sklearn.ensemble as ensemble
import sklearn.linear_model as linear
import sklearn.neighbors as neighbors
import sklearn.neural_network as network
import sklearn.svm as svm
import xgboost

warnings.filterwarnings("ignore")


@dataclass
class Pair:
    algorithm: str
    task: str
    reference: Callable  # (hyperparameters, seed, y of the training rows) -> an estimator
    ours: dict = field(default_factory=dict)  # hyperparameters of pgml.train
    theirs: Optional[dict] = None  # of the reference, where they are named or defined differently
    scaled: bool = False
    seeds: int = 1
    skip: tuple = ()  # data sets that it is not meant for


def estimator(cls, seeded=False):
    def make(parameters, seed, y):
        return cls(**parameters, **({"random_state": seed} if seeded else {}))

    return make


def boosted(cls, regression=False):
    """XGBoost 1.7 starts a regression from 0.5; pgml, as later versions do, from the mean."""

    def make(parameters, seed, y):
        if regression:
            parameters = {**parameters, "base_score": float(y.mean())}
        return cls(**parameters, random_state=seed, n_jobs=1)

    return make


def pairs():
    regression, classification = "regression", "classification"
    found = [
        Pair("linear", regression, estimator(linear.LinearRegression)),
        Pair("linear", classification, estimator(linear.LogisticRegression), {}, {"max_iter": 10000, "tol": 1e-8}, scaled=True),
        Pair("ridge", regression, estimator(linear.Ridge)),
        Pair("ridge", classification, estimator(linear.RidgeClassifier)),
        Pair("lasso", regression, estimator(linear.Lasso), {"alpha": 0.1}),
        Pair("elastic_net", regression, estimator(linear.ElasticNet), {"alpha": 0.1}),
        Pair("huber", regression, estimator(linear.HuberRegressor), {}, {"max_iter": 10000}, scaled=True),
        Pair("quantile", regression, estimator(linear.QuantileRegressor), {"alpha": 0.01}, {"alpha": 0.01, "solver": "highs"}, scaled=True),
        Pair("stochastic_gradient_descent", regression, estimator(linear.SGDRegressor, True), scaled=True, seeds=10),
        Pair("stochastic_gradient_descent", classification, estimator(linear.SGDClassifier, True), scaled=True, seeds=10),
        Pair("svm", regression, estimator(svm.SVR), {"C": 10}, scaled=True),
        Pair("svm", classification, estimator(svm.SVC), scaled=True),
        Pair("nu_svm", regression, estimator(svm.NuSVR), {"C": 10}, scaled=True),
        Pair("nu_svm", classification, estimator(svm.NuSVC), {"nu": 0.2}, scaled=True),
        Pair("linear_svm", regression, estimator(svm.LinearSVR, True), {"max_iter": 20000}, scaled=True),
        Pair("linear_svm", classification, estimator(svm.LinearSVC, True), {}, {"max_iter": 1000}, scaled=True),
        Pair("knn", regression, estimator(neighbors.KNeighborsRegressor), scaled=True),
        Pair("knn", classification, estimator(neighbors.KNeighborsClassifier), scaled=True),
        Pair("mlp", regression, estimator(network.MLPRegressor, True), {"hidden_layer_sizes": [20], "alpha": 10, "learning_rate_init": 0.03, "max_iter": 1000},
             scaled=True, seeds=10, skip=("linnerud",)),
        Pair("mlp", classification, estimator(network.MLPClassifier, True), scaled=True, seeds=3),
        Pair("random_forest", regression, estimator(ensemble.RandomForestRegressor, True), seeds=5),
        Pair("random_forest", classification, estimator(ensemble.RandomForestClassifier, True), seeds=5),
        Pair("extra_trees", regression, estimator(ensemble.ExtraTreesRegressor, True), seeds=5),
        Pair("extra_trees", classification, estimator(ensemble.ExtraTreesClassifier, True), seeds=5),
        Pair("bagging", regression, estimator(ensemble.BaggingRegressor, True), {"n_estimators": 100}, seeds=10),
        Pair("bagging", classification, estimator(ensemble.BaggingClassifier, True), {"n_estimators": 50}, seeds=5),
        Pair("gradient_boosting_trees", regression, estimator(ensemble.GradientBoostingRegressor, True), seeds=3),
        Pair("gradient_boosting_trees", classification, estimator(ensemble.GradientBoostingClassifier, True), seeds=3),
        Pair("hist_gradient_boosting", regression, estimator(ensemble.HistGradientBoostingRegressor, True)),
        Pair("hist_gradient_boosting", classification, estimator(ensemble.HistGradientBoostingClassifier, True)),
        Pair("xgboost", regression, boosted(xgboost.XGBRegressor, True), {}, {"tree_method": "hist"}),
        Pair("xgboost", classification, boosted(xgboost.XGBClassifier), {}, {"tree_method": "hist"}),
        Pair("xgboost_random_forest", regression, boosted(xgboost.XGBRFRegressor, True), {}, {"tree_method": "hist"}, seeds=5),
        Pair("xgboost_random_forest", classification, boosted(xgboost.XGBRFClassifier), {}, {"tree_method": "hist"}, seeds=5),
        Pair("kmeans", "clustering", estimator(cluster.KMeans, True), {"n_clusters": 3, "n_init": 10}, seeds=3),
        Pair("mini_batch_kmeans", "clustering", estimator(cluster.MiniBatchKMeans, True), {"n_clusters": 3, "n_init": 10}, seeds=5),
        Pair("pca", "decomposition", estimator(decomposition.PCA), {"n_components": 2}),
    ]
    return found
