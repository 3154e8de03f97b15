"""Calls of SciPy as its users write them, one a line: all of `scipy.special`, and what else is differentiated most.

The letters are those of `calls`; `h` is a vector of positive numbers, and `q` one of numbers in 0.1 .. 0.9.
"""

from __future__ import annotations

SPECIAL = """
special.agm(h, h + 1.0)
special.bdtr(2.0, 5, q)
special.bdtrc(2.0, 5, q)
special.bdtri(2.0, 5, q)
special.bdtrik(0.3, 5, q)
special.bdtrin(2.0, 0.6, q)
special.betainc(l, h, q)
special.betaincc(l, h, q)
special.betainccinv(l, h, q)
special.betaincinv(l, h, q)
special.boxcox(h, t)
special.boxcox1p(h, t)
special.btdtria(0.4, 2.0, q)
special.btdtrib(0.6, q, 0.4)
special.chdtr(3.0, h)
special.chdtrc(3.0, h)
special.chdtri(3.0, q)
special.chdtriv(q, h)
special.chndtr(h, 3.0, 1.5)
special.chndtridf(h, q, 1.5)
special.chndtrinc(h, 3.0, q * 0.3)
special.chndtrix(q, 3.0, 1.5)
special.elliprc(h, h + 1.0)
special.elliprd(h, 1.0, 2.0)
special.elliprf(h, 1.0, 2.0)
special.elliprg(h, 1.0, 2.0)
special.elliprj(h, 1.0, 2.0, 1.5)
special.entr(h)
special.erfcinv(q)
special.erfinv(q)
special.eval_chebyc(2, v)
special.eval_chebys(2, v)
special.eval_chebyt(2, v)
special.eval_chebyu(2, v)
special.eval_gegenbauer(2, l, v)
special.eval_genlaguerre(2, l, v)
special.eval_hermite(2, v)
special.eval_hermitenorm(2, v)
special.eval_jacobi(2, l, t, v)
special.eval_laguerre(2, v)
special.eval_legendre(2, v)
special.eval_sh_chebyt(2, v)
special.eval_sh_chebyu(2, v)
special.eval_sh_jacobi(2, l + 1.0, l, v)
special.eval_sh_legendre(2, v)
special.expn(2, h)
special.fdtr(3.0, 4.0, h)
special.fdtrc(3.0, 4.0, h)
special.fdtri(3.0, 4.0, q)
special.fdtridfd(3.0, 0.6, h + 1.0)
special.gdtr(l, 2.0, h)
special.gdtrc(l, 2.0, h)
special.gdtria(0.4, 2.0, h)
special.gdtrib(l, 0.4, h)
special.gdtrix(l, 2.0, q)
special.huber(l, v)
special.hyp0f1(l, v)
special.hyp1f1(l, h, v)
special.hyperu(l, t, h)
special.inv_boxcox(h, t)
special.inv_boxcox1p(h, t)
special.kl_div(h, h + 1.0)
special.kn(2, h)
special.kolmogi(q)
special.kolmogorov(h)
special.lpmv(1.0, 2.0, np.tanh(v))
special.nbdtr(2, 5, q)
special.nbdtrc(2, 5, q)
special.nbdtri(2, 5, q)
special.nbdtrik(0.4, 5.0, q)
special.nbdtrin(2.0, 0.4, q)
special.ncfdtr(3.0, 4.0, 0.5, h)
special.ncfdtri(3.0, 4.0, 0.5, q)
special.ncfdtridfd(3.0, 0.5, 0.5, h + 1.0)
special.ncfdtridfn(0.5, 4.0, 0.5, h + 1.0)
special.ncfdtrinc(3.0, 4.0, 0.3, h + 1.0)
special.nctdtr(3.0, 0.5, v)
special.nctdtridf(0.4, 0.5, v)
special.nctdtrinc(3.0, 0.4, v)
special.nctdtrit(3.0, 0.5, q)
special.ndtri(q)
special.ndtri_exp(-h)
special.nrdtrimn(q, l, v)
special.nrdtrisd(v, q, v + 1.0)
special.owens_t(v, l)
special.pdtr(2.0, h)
special.pdtrc(2.0, h)
special.pdtri(2, q)
special.pdtrik(0.4, h)
special.poch(h, l)
special.powm1(h, l)
special.pseudo_huber(l, v)
special.rel_entr(h, h + 1.0)
special.round(v)
special.shichi(h)
special.sici(h)
special.smirnov(4, q * 0.3)
special.smirnovi(4, q * 0.5)
special.spence(h)
special.stdtr(l, v)
special.stdtridf(q, h)
special.stdtrit(3.0, q)
special.tklmbda(v, l)
special.wrightomega(v)
special.yn(2, h)
special.jn(2, h)
special.airy(v)
special.airye(h)
special.bei(h)
special.beip(h)
special.ber(h)
special.berp(h)
special.binom(h + 1.0, t)
special.exp1(h)
special.expi(h)
special.expit(v)
special.exprel(v)
special.gamma(h)
special.gammaln(h)
special.hankel1(l, h)
special.hankel1e(l, h)
special.hankel2(l, h)
special.hankel2e(l, h)
special.hyp2f1(l, h, t, 0.7 * q)
special.it2i0k0(h)
special.it2j0y0(h)
special.it2struve0(h)
special.itairy(h)
special.iti0k0(h)
special.itj0y0(h)
special.itmodstruve0(h)
special.itstruve0(h)
special.iv(l, h)
special.ive(l, h)
special.jv(l, h)
special.jve(l, h)
special.kei(h)
special.keip(h)
special.kelvin(h)
special.ker(h)
special.kerp(h)
special.kv(l, h)
special.kve(l, h)
special.log_expit(h)
special.log_wright_bessel(0.5, l, h)
special.loggamma(h)
special.logit(q)
special.mathieu_a(2, h)
special.mathieu_b(2, h)
special.mathieu_cem(2, l, v)
special.mathieu_modcem1(2, l, h)
special.mathieu_modcem2(2, l, h)
special.mathieu_modsem1(2, l, h)
special.mathieu_modsem2(2, l, h)
special.mathieu_sem(2, l, v)
special.modfresnelm(h)
special.modfresnelp(h)
special.obl_ang1(1, 1, t, 0.6 * np.tanh(v))
special.obl_ang1_cv(1, 1, t, 0.9, 0.6 * np.tanh(v))
special.obl_cv(1, 1, q)
special.obl_rad1(1, 1, t, h)
special.obl_rad1_cv(1, 1, t, 1.9, h)
special.obl_rad2(1, 1, t, h)
special.obl_rad2_cv(1, 1, t, 1.9, h)
special.pbdv(l, v)
special.pbvv(l, v)
special.pbwa(l, t * v)
special.pro_ang1(1, 1, t, 0.6 * np.tanh(v))
special.pro_ang1_cv(1, 1, t, 2.1, 0.6 * np.tanh(v))
special.pro_cv(1, 1, q)
special.pro_rad1(1, 1, t, h + 1.0)
special.pro_rad1_cv(1, 1, t, 2.1, h + 1.0)
special.pro_rad2(1, 1, t, h + 1.0)
special.pro_rad2_cv(1, 1, t, 2.1, h + 1.0)
special.psi(h)
special.rgamma(h)
special.wright_bessel(0.5, l, h)
special.yv(l, h)
special.yve(l, h)
special.zetac(h)
special.sindg(v)
special.cosdg(v)
special.tandg(v)
special.cotdg(50.0 * v + 20.0)
special.i0(v)
special.i0e(h)
special.i1(h)
special.i1e(h)
special.k0(h)
special.k0e(h)
special.k1(h)
special.k1e(h)
special.y0(h)
special.y1(h)
special.j0(h)
special.j1(h)
special.struve(2.0, h)
special.modstruve(2.0, h)
special.beta(h, h + 1.0)
special.betaln(h, h + 1.0)
special.besselpoly(l, t, 2)
special.gammaln(h)
special.gammasgn(h)
special.cbrt(h)
special.radian(30.0, 15.0, v)
special.cosm1(v)
special.gammainc(l, h)
special.gammaincinv(l, q)
special.gammaincc(l, h)
special.gammainccinv(l, q)
special.fresnel(v)
special.ellipe(q)
special.ellipeinc(v, q)
special.ellipk(q)
special.ellipkinc(v, q)
special.ellipkm1(q)
special.ellipj(v, q)
special.erf(v)
special.erfc(v)
special.erfcx(v)
special.erfi(v)
special.voigt_profile(v, l, t)
special.wofz(v)
special.dawsn(v)
special.ndtr(v)
special.log_ndtr(v)
special.exp2(v)
special.exp10(v)
special.expm1(v)
special.log1p(h)
special.xlogy(v, h)
special.xlog1py(v, h)
special.ai_zeros(3)
special.assoc_laguerre(v, 2, 1)
special.bei_zeros(3)
special.beip_zeros(3)
special.ber_zeros(3)
special.bernoulli(4)
special.berp_zeros(3)
special.bi_zeros(3)
special.comb(5, 2)
special.digamma(h)
special.diric(v, 3)
special.erf_zeros(3)
special.euler(4)
special.factorial(5)
special.factorial2(5)
special.factorialk(6, 2)
special.fresnel_zeros(3)
special.fresnelc_zeros(3)
special.fresnels_zeros(3)
special.h1vp(2, h)
special.h2vp(2, h)
special.ivp(2, h)
special.jn_zeros(1, 3)
special.jnjnp_zeros(3)
special.jnp_zeros(1, 3)
special.jnyn_zeros(1, 2)
special.jvp(2, h)
special.kei_zeros(3)
special.keip_zeros(3)
special.kelvin_zeros(3)
special.ker_zeros(3)
special.kerp_zeros(3)
special.kvp(2, h)
special.lmbda(2, l)
special.lqmn(1, 2, t)
special.lqn(2, l)
special.mathieu_even_coef(2, t)
special.mathieu_odd_coef(2, t)
special.obl_cv_seq(1, 3, t)
special.pbdn_seq(2, 0.5 + 0.2j)
special.pbdv_seq(2.0, t)
special.pbvv_seq(2.0, t)
special.perm(5, 2)
special.polygamma(2, h)
special.pro_cv_seq(1, 3, t)
special.riccati_jn(2, l)
special.riccati_yn(2, l)
special.sinc(v)
special.softplus(v)
special.stirling2(5, 2)
special.y0_zeros(3)
special.y1_zeros(3)
special.y1p_zeros(3)
special.yn_zeros(1, 3)
special.ynp_zeros(1, 3)
special.yvp(2, h)
special.zeta(h + 1.0, 2.0)
special.legendre(3)(v)
special.chebyt(3)(v)
special.chebyu(3)(v)
special.chebyc(3)(v)
special.chebys(3)(v)
special.jacobi(3, l, t)(v)
special.laguerre(3)(v)
special.genlaguerre(3, l)(v)
special.hermite(3)(v)
special.hermitenorm(3)(v)
special.gegenbauer(3, l)(v)
special.sh_legendre(3)(v)
special.sh_chebyt(3)(v)
special.sh_chebyu(3)(v)
special.sh_jacobi(3, l + 1.0, l)(v)
special.roots_legendre(3)
special.roots_chebyt(3)
special.roots_chebyu(3)
special.roots_chebyc(3)
special.roots_chebys(3)
special.roots_jacobi(3, l, t)
special.roots_laguerre(3)
special.roots_genlaguerre(3, l)
special.roots_hermite(3)
special.roots_hermitenorm(3)
special.roots_gegenbauer(3, l)
special.roots_sh_legendre(3)
special.roots_sh_chebyt(3)
special.roots_sh_chebyu(3)
special.roots_sh_jacobi(3, l + 1.0, l)
special.p_roots(3)
special.t_roots(3)
special.u_roots(3)
special.c_roots(3)
special.s_roots(3)
special.j_roots(3, l, t)
special.l_roots(3)
special.la_roots(3, l)
special.h_roots(3)
special.he_roots(3)
special.cg_roots(3, l)
special.ps_roots(3)
special.ts_roots(3)
special.us_roots(3)
special.js_roots(3, l + 1.0, l)
special.assoc_legendre_p(2, 1, np.tanh(v))
special.assoc_legendre_p_all(2, 1, t)
special.legendre_p(2, v)
special.legendre_p_all(2, t)
special.sph_harm_y(2, 1, v, w)
special.sph_harm_y_all(2, 1, t, l)
special.sph_legendre_p(2, 1, v)
special.sph_legendre_p_all(2, 1, t)
special.logsumexp(m)
special.softmax(m)
special.log_softmax(m)
special.multigammaln(l + 1.0, 2)
special.ellip_harm(5.0, 8.0, 1, 1, 2.0 * q)
special.ellip_harm_2(5.0, 8.0, 1, 1, h + 10.0)
special.ellip_normal(5.0, 8.0, 1, 1)
np.real(special.lambertw(h))
special.spherical_jn(2, h)
special.spherical_yn(2, h)
special.spherical_in(2, h)
special.spherical_kn(2, h)
"""

_ON_THE_LINE = {
    "norm": "l, 1.5", "t": "3.0, t, l", "cauchy": "t, l", "laplace": "t, l", "logistic": "t, l", "gumbel_r": "t, l",
    "gumbel_l": "t, l", "skewnorm": "t, t, l", "hypsecant": "t, l", "genlogistic": "l, t, l", "gennorm": "l, t, l",
    "exponnorm": "l, t, l", "johnsonsu": "t, l, t, l", "norminvgauss": "l, t, t, l", "crystalball": "l, 3.0, t, l",
}  # fmt: skip
_ON_THE_HALF_LINE = {
    "expon": "0.0, l", "gamma": "l, 0.0, l", "lognorm": "t, 0.0, l", "weibull_min": "l, 0.0, l", "chi2": "3.0",
    "f": "3.0, 5.0", "invgamma": "l", "invgauss": "l", "pareto": "l, -0.7", "rayleigh": "0.0, l", "maxwell": "0.0, l",
    "halfnorm": "0.0, l", "halfcauchy": "0.0, l", "loggamma": "l", "genpareto": "t", "genextreme": "-t", "burr": "l, l",
    "burr12": "l, l", "fisk": "l", "lomax": "l", "nakagami": "l", "rice": "t", "chi": "l", "levy": "", "erlang": "3",
    "exponweib": "l, l", "fatiguelife": "l", "gengamma": "l, l", "gompertz": "t", "halflogistic": "", "kappa3": "l",
    "mielke": "l, l", "betaprime": "l, l", "ncx2": "3.0, l", "wald": "", "exponpow": "l", "foldnorm": "l",
}  # fmt: skip
_ON_AN_INTERVAL = {
    "uniform": "0.0, l", "beta": "l, 2.0", "triang": "t", "arcsine": "", "powerlaw": "l", "truncnorm": "-1.0, l",
    "loguniform": "0.05, l", "vonmises": "l", "cosine": "", "semicircular": "", "bradford": "l", "truncexpon": "l",
}  # fmt: skip
_OF_COUNTS = {
    "poisson": "l", "binom": "6, t", "nbinom": "l, t", "betabinom": "6, l, 2.0",
    "hypergeom": "20, 7, 12", "randint": "0, 6", "skellam": "l, t", "planck": "l",
    "boltzmann": "l, 8", "dlaplace": "l",
}  # fmt: skip
_FROM_ONE = {"geom": "t", "zipf": "l + 1.0", "logser": "t"}


def _calls(distributions: dict[str, str], at: str, methods: str) -> list[str]:
    """A call of each method, with the parameters by position."""
    return [
        f"stats.{name}.{method}({'q' if method in ('ppf', 'isf') else at}{', ' * bool(parameters)}{parameters})"
        for name, parameters in distributions.items()
        for method in methods.split()
    ]


_DENSITIES = "logpdf cdf ppf"
_ALL = "pdf logpdf cdf logcdf sf logsf ppf isf"
DISTRIBUTIONS = [
    *_calls({"norm": "t, l"}, "v", _ALL),
    *_calls({"gamma": "l"}, "h", _ALL),
    *_calls(_ON_THE_LINE, "v", _DENSITIES),
    *_calls(_ON_THE_HALF_LINE, "h", _DENSITIES),
    *_calls(_ON_AN_INTERVAL, "q", _DENSITIES),
    *_calls(_OF_COUNTS, "i", "logpmf cdf"),
    *_calls(_FROM_ONE, "i + 1", "logpmf cdf"),
    *_calls({"bernoulli": "t"}, "i % 2", "logpmf cdf"),
    "stats.norm(t, l).logpdf(v)", "stats.norm.logpdf(v, loc=w, scale=h)", "stats.beta.logpdf(q, h, h + 1.0)",
    "stats.multivariate_normal.logpdf(u, u2, s @ s.T)",
    "stats.multivariate_normal.pdf(m[:, :3], u, s @ s.T)", "stats.multivariate_normal(u2, s @ s.T).logpdf(u)",
    "stats.multivariate_t.logpdf(u, u2, s @ s.T, 3.0)", "stats.dirichlet.logpdf(h / np.sum(h), h)",
    "stats.multinomial.logpmf([1, 2, 0, 1, 1], 5, h / np.sum(h))", "stats.wishart.logpdf(p, 4.0, s @ s.T)",
    "stats.invwishart.logpdf(p, 4.0, s @ s.T)", "stats.norm.entropy(t, l)", "stats.gamma.mean(l, 0.0, t)",
    "stats.gamma.var(l, 0.0, t)", "stats.norm.std(t, l)", "stats.beta.stats(l, t)", "stats.expon.median(0.0, l)",
    "stats.norm.interval(0.9, t, l)", "stats.norm.moment(2, t, l)", "stats.truncnorm.logpdf(q, -1.0, l, t, l)",
    "stats.vonmises.logpdf(v, l, t)", "stats.vonmises.cdf(v, l)", "stats.matrix_normal.logpdf(s, s2, p, P[0])",
]  # fmt: skip
STATISTICS = """
stats.zscore(v)
stats.zscore(m, axis=1, ddof=1)
stats.zmap(v, w)
stats.skew(v)
stats.skew(m, axis=1, bias=False)
stats.kurtosis(v)
stats.kurtosis(m, fisher=False)
stats.moment(v, 3)
stats.gmean(h)
stats.hmean(h)
stats.pmean(h, l)
stats.sem(v)
stats.variation(h)
stats.gstd(h)
stats.iqr(v)
stats.trim_mean(v, 0.2)
stats.tmean(v, (-2.0, 2.0))
stats.tvar(v)
stats.describe(v).variance
stats.mode(i).mode
stats.median_abs_deviation(v)
stats.pearsonr(v, w)[0]
stats.pearsonr(v, w).statistic
stats.spearmanr(v, w)[0]
stats.kendalltau(v, w)[0]
stats.linregress(v, w)[0]
stats.linregress(v, w).slope
stats.theilslopes(v, w)[0]
stats.rankdata(v)
stats.entropy(h)
stats.entropy(h, q)
stats.entropy(h, base=2)
stats.differential_entropy(v)
stats.wasserstein_distance(v, w)
stats.energy_distance(v, w)
stats.ttest_ind(v, w).statistic
stats.ttest_rel(v, w).statistic
stats.ttest_1samp(v, t).statistic
stats.f_oneway(v, w)[0]
stats.chisquare(h, h[::-1]).statistic
stats.power_divergence(h, h[::-1])[0]
stats.ks_2samp(v, w)[0]
stats.mannwhitneyu(v, w)[0]
stats.bartlett(v, w)[0]
stats.levene(v, w)[0]
stats.jarque_bera(v)[0]
stats.boxcox(h, t)
stats.boxcox_llf(t, h)
stats.yeojohnson(v, t)
stats.yeojohnson_llf(t, v)
stats.gaussian_kde(v)(w)
stats.gaussian_kde(v, bw_method=0.5).logpdf(w)
stats.binned_statistic(g, v, bins=3)[0]
stats.cumfreq(v, 3)[0]
stats.sigmaclip(v)[0]
stats.circmean(v)
stats.circvar(v)
stats.circstd(q)
stats.expectile(v, 0.3)
stats.obrientransform(v, w)
stats.cramervonmises_2samp(v, w).statistic
"""

LINALG = """
linalg.solve(s, u)
linalg.solve(p, u, assume_a='pos')
linalg.solve(s, s2)
linalg.solve(s, u, transposed=True)
linalg.solve_triangular(s, u)
linalg.solve_triangular(s, u, lower=True)
linalg.solve_triangular(s, s2, trans=1, unit_diagonal=True)
linalg.solve_banded((1, 1), np.array([v, 5.0 + h, w]), w)
linalg.solveh_banded(np.array([q, 5.0 + h]), w)
linalg.solve_toeplitz(np.append(6.0, v[1:]), w)
linalg.solve_circulant(np.append(6.0, v[1:]), w)
linalg.solve_sylvester(s, s2, p)
linalg.solve_continuous_lyapunov(s, p)
linalg.solve_discrete_lyapunov(0.1 * s, p)
linalg.solve_continuous_are(s, s2, p, p)
linalg.solve_discrete_are(0.1 * s, s2, p, p)
linalg.inv(s)
linalg.det(s)
linalg.pinv(m)
linalg.pinvh(p)
linalg.lstsq(m.T, r)[0]
linalg.norm(m)
linalg.norm(v, 3)
linalg.norm(m, 'nuc')
linalg.lu(s)
linalg.lu(s, permute_l=True)
linalg.lu_factor(s)[0]
linalg.lu_solve(linalg.lu_factor(s), u)
linalg.cholesky(p)
linalg.cholesky(p, lower=True)
linalg.cho_factor(p)[0].diagonal()
linalg.cho_solve(linalg.cho_factor(p), u)
linalg.cho_solve((linalg.cholesky(p, lower=True), True), u)
linalg.cho_solve_banded((linalg.cholesky_banded(np.array([q, 5.0 + h])), False), w)
linalg.cholesky_banded(np.array([q, 5.0 + h]))[1]
linalg.eigh(p)[0]
linalg.eigh(p)[1] ** 2
linalg.eigh(p, eigvals_only=True)
linalg.eigh(p, P[0])[0]
linalg.eigh(p, subset_by_index=[0, 1])[0]
linalg.eigvalsh(p)
linalg.eig(s)[0]
linalg.eigvals(s)
linalg.eigh_tridiagonal(v, w[1:])
linalg.eigvalsh_tridiagonal(v, w[1:])
linalg.eig_banded(np.array([5.0 + h, q]), lower=True)[0]
linalg.eigvals_banded(np.array([5.0 + h, q]), lower=True)
linalg.svd(s)
linalg.svd(m, full_matrices=False)
linalg.svdvals(m)
linalg.qr(s)
linalg.qr(m.T, mode='economic')
linalg.qr(m.T, mode='r')[0]
linalg.qr_multiply(s, u)[0]
linalg.rq(s)
linalg.polar(s)
linalg.schur(p)[0]
linalg.hessenberg(s)
linalg.ldl(p)[1]
linalg.null_space(m).shape
linalg.orth(m).shape
linalg.expm(s)
linalg.expm(S)
linalg.expm_frechet(s, s2)
linalg.logm(p)
linalg.sqrtm(p)
linalg.cosm(s)
linalg.sinm(s)
linalg.tanm(0.1 * s)
linalg.coshm(s)
linalg.sinhm(s)
linalg.tanhm(s)
linalg.signm(p)
linalg.funm(p, lambda x: x * x)
linalg.fractional_matrix_power(p, 0.5)
linalg.block_diag(s, m)
linalg.toeplitz(v)
linalg.toeplitz(v, w)
linalg.hankel(v)
linalg.hankel(v, w)
linalg.circulant(v)
linalg.companion(h)
linalg.convolution_matrix(v, 3)
linalg.fiedler(v)
linalg.leslie(h, q[1:])
linalg.hilbert(3)
linalg.hadamard(4)
linalg.pascal(3)
linalg.invhilbert(3)
linalg.helmert(3)
linalg.khatri_rao(m, n)
linalg.matmul_toeplitz(v, w)
linalg.orthogonal_procrustes(s, s2)[0]
linalg.subspace_angles(m[:, :2], n[:, :2])
linalg.bandwidth(s)
linalg.diagsvd(h[:3], 3, 4)
linalg.dft(3)
linalg.ishermitian(p)
"""

SIGNAL = """
signal.convolve(v, u)
signal.convolve(v, u, mode='same')
signal.convolve(m, n[:2, :2], mode='valid')
signal.fftconvolve(v, u)
signal.fftconvolve(m, n[:2, :2], mode='same')
signal.oaconvolve(v, u)
signal.correlate(v, u)
signal.correlate(m, n[:2, :2], mode='same')
signal.convolve2d(m, n[:2, :2])
signal.convolve2d(m, n[:2, :2], mode='same', boundary='symm')
signal.convolve2d(m, n[:2, :2], boundary='wrap')
signal.correlate2d(m, n[:2, :2], mode='valid')
signal.sepfir2d(m, u, u2)
signal.lfilter(u, h[:3], v)
signal.lfilter([t, 0.5], [1.0, -0.3], v)
signal.lfilter(u, h[:3], m, axis=0)
signal.lfilter(u, h[:3], v, zi=w[:2])[0]
signal.lfilter_zi(u, np.array([1.0, -0.3, 0.2]))
signal.filtfilt([t, 0.5], [1.0, -0.3], v, padlen=2)
signal.sosfilt(np.array([[0.5, t, 0.1, 1.0, 0.3, 0.1]]), v)
signal.sosfiltfilt(np.array([[0.5, t, 0.1, 1.0, 0.3, 0.1]]), v, padlen=2)
signal.firwin(5, t)
signal.butter(2, 0.3)
signal.savgol_filter(v, 3, 1)
signal.savgol_filter(m, 3, 2, axis=1)
signal.savgol_coeffs(5, 2)
signal.detrend(v)
signal.detrend(m, axis=0, type='constant')
signal.medfilt(v, 3)
signal.medfilt2d(m, 3)
signal.order_filter(v, np.ones(3), 1)
signal.wiener(v, 3)
signal.hilbert(v)
signal.envelope(v)[0]
signal.resample(v, 8)
signal.resample_poly(v, 3, 2)
signal.upfirdn(u, v, 2)
signal.decimate(np.tile(v, 6), 2)
signal.periodogram(v)[1]
signal.welch(v, nperseg=4)[1]
signal.csd(v, w, nperseg=4)[1]
signal.coherence(np.tile(v, 3), np.tile(w, 3), nperseg=4)[1]
signal.spectrogram(v, nperseg=4)[2]
signal.stft(v, nperseg=4)[2]
signal.istft(signal.stft(v, nperseg=4)[2], nperseg=4)[1]
signal.get_window('hann', 5)
signal.windows.hann(5)
signal.windows.gaussian(5, l)
signal.windows.kaiser(5, t)
signal.windows.tukey(5, 0.3)
signal.gauss_spline(v, 3)
signal.cspline1d(v)
signal.qspline1d(v)
signal.chirp(v, t, 1.0, l)
signal.gausspulse(v, fc=l)
signal.sawtooth(v)
signal.square(v)
signal.unit_impulse(5)
signal.sweep_poly(v, u)
signal.freqz(u, 1.0, 4)[1]
signal.find_peaks(v)[0]
signal.argrelextrema(v, np.greater)[0]
signal.tf2zpk(u, h[:3])[2]
signal.vectorstrength(h, l)[0]
signal.deconvolve(v, u)[0]
signal.residue(u, h[:3])[0]
"""

INTERPOLATION = """
interpolate.interp1d(g, v)(0.5 * g[1:] + 0.5 * g[:-1])
interpolate.interp1d(g, v, kind='cubic')(0.5 * g[1:] + 0.5 * g[:-1])
interpolate.interp1d(g, v, kind='nearest', fill_value='extrapolate')(w)
interpolate.interp1d(g, v, bounds_error=False, fill_value=t)(w)
interpolate.CubicSpline(g, v)(w)
interpolate.CubicSpline(g, v, bc_type='natural')(w, 1)
interpolate.CubicSpline(g, v, bc_type='clamped').integrate(g[0], g[4])
interpolate.CubicHermiteSpline(g, v, w)(h)
interpolate.PchipInterpolator(g, v)(0.5 * g[1:] + 0.5 * g[:-1])
interpolate.Akima1DInterpolator(g, v)(0.5 * g[1:] + 0.5 * g[:-1])
interpolate.make_interp_spline(g, v)(w)
interpolate.make_interp_spline(g, v, k=1)(w)
interpolate.make_lsq_spline(g, v, np.r_[(g[0],) * 2, g[2], (g[4],) * 2], k=1)(0.5 * g[1:] + 0.5 * g[:-1])
interpolate.BSpline(np.arange(9.0), v, 3)(h + 3.0)
interpolate.PPoly(m, np.arange(5.0))(h)
interpolate.BarycentricInterpolator(g, v)(w)
interpolate.barycentric_interpolate(g, v, w)
interpolate.KroghInterpolator(g, v)(w)
interpolate.krogh_interpolate(g, v, w)
interpolate.lagrange(g[:3], u)(t)
interpolate.pchip_interpolate(g, v, 0.5 * g[1:] + 0.5 * g[:-1])
interpolate.splev(0.5 * g[1:] + 0.5 * g[:-1], interpolate.splrep(g, v))
interpolate.UnivariateSpline(g, v, s=0)(0.5 * g[1:] + 0.5 * g[:-1])
interpolate.InterpolatedUnivariateSpline(g, v)(0.5 * g[1:] + 0.5 * g[:-1])
interpolate.RegularGridInterpolator((np.arange(3.0), np.arange(4.0)), m)(np.stack((q, 2.0 * q), 1))
interpolate.interpn((np.arange(3.0), np.arange(4.0)), m, np.stack((q, 2.0 * q), 1))
interpolate.RectBivariateSpline(np.arange(3.0), np.arange(4.0), m, kx=2, ky=2)(q[:1], q[1:2])
interpolate.griddata(np.array([[0.0, 0.0], [3.0, 0.0], [0.0, 3.0], [3.0, 3.0], [1.4, 1.7]]), v, np.stack((q, q * q), 1))
interpolate.RBFInterpolator(np.stack((v, w), 1), h)(np.stack((q, q), 1))
"""

INTEGRATION = """
integrate.trapezoid(v)
integrate.trapezoid(m, x=r, axis=1)
integrate.cumulative_trapezoid(v)
integrate.cumulative_trapezoid(v, g, initial=0)
integrate.simpson(v)
integrate.simpson(m, x=np.sort(np.abs(m[0])), axis=1)
integrate.cumulative_simpson(v)
integrate.romb(v)
integrate.quad(lambda x: np.sin(t * x), 0.0, l)[0]
integrate.quad(lambda x, a: np.exp(-a * x), 0.0, np.inf, args=(l,))[0]
integrate.dblquad(lambda y, x: t * x * y, 0.0, 1.0, 0.0, l)[0]
integrate.fixed_quad(lambda x: t * x ** 3, 0.0, l)[0]
integrate.quad_vec(lambda x: v * x, 0.0, l)[0]
integrate.solve_ivp(lambda s, y: -t * y, (0.0, 1.0), h, rtol=1e-9, atol=1e-9).y[:, -1]
integrate.odeint(lambda y, s: -t * y, h, np.array([0.0, 0.5, 1.0]), rtol=1e-9, atol=1e-9)
"""

OPTIMIZATION = """
optimize.brentq(lambda x: x ** 3 - l, 0.0, 3.0)
optimize.bisect(lambda x: x ** 3 - l, 0.0, 3.0)
optimize.newton(lambda x: x ** 3 - l, 1.0)
optimize.root_scalar(lambda x: x ** 3 - l, bracket=(0.0, 3.0)).root
optimize.fsolve(lambda x: x ** 3 - h, np.ones(5))
optimize.root(lambda x: x ** 3 - h, np.ones(5)).x
optimize.fixed_point(lambda x: np.cos(t * x), 0.5)
optimize.minimize(lambda x: np.sum((x - v) ** 2 + 0.1 * x ** 4), np.zeros(5), tol=1e-12).x
optimize.minimize(lambda x: np.sum((x - v) ** 2), np.zeros(5), method="CG", tol=1e-10).x
optimize.minimize(lambda x: np.sum((x - v) ** 2), np.zeros(5), bounds=[(-0.5, 0.25)] * 5, tol=1e-12).x
optimize.minimize(lambda x: np.sum((x - v) ** 2), np.zeros(5), constraints={"type": "eq", "fun": np.sum}, tol=1e-12).x
optimize.leastsq(lambda x: m.T @ x - r, np.zeros(3))[0]
optimize.least_squares(lambda x: m.T @ x - r, np.zeros(3), bounds=(-9.0, 9.0)).x
optimize.curve_fit(lambda x, a, b: a * x + b, g, w, p0=[1.0, 1.0], bounds=(-9.0, 9.0))[0]
optimize.minimize_scalar(lambda x: (x - t) ** 2 + x ** 4, tol=1e-10).x
optimize.least_squares(lambda x: m.T @ x - r, np.zeros(3)).x
optimize.curve_fit(lambda x, a, b: a * x + b, g, w)[0]
optimize.nnls(np.abs(m.T), np.abs(r))[0]
optimize.lsq_linear(m.T, r).x
optimize.linear_sum_assignment(m)[1]
optimize.linprog(h, A_ub=-np.eye(5), b_ub=-q).x
optimize.approx_fprime(v, lambda x: np.sum(x * x))
optimize.rosen(v)
optimize.rosen_der(v)
optimize.rosen_hess(v)
"""

SPARSE = """
sparse.csr_matrix(s) @ u
sparse.csr_array(s) @ u
sparse.csc_array((h, (np.arange(5), np.arange(5)))) @ v
sparse.coo_array((h, (i, np.arange(5))), shape=(5, 5)) @ v
sparse.diags([v, w[1:]], [0, 1]) @ h
sparse.diags_array([v, w[1:]], offsets=[0, 1]) @ h
sparse.spdiags(m, [0, -1, 1], 4, 4) @ r
sparse.eye(5) @ v
sparse.kron(sparse.eye(2), s).toarray()
sparse.csr_array(s).toarray()
sparse.csr_array(s).T @ u
sparse.block_diag((s, s2)) @ np.concatenate((u, u2))
sparse.linalg.spsolve(sparse.csc_array(s), u)
sparse.linalg.splu(sparse.csc_array(s)).solve(u)
sparse.linalg.factorized(sparse.csc_array(s))(u)
sparse.linalg.cg(p, u, rtol=1e-12)[0]
sparse.linalg.gmres(s, u, rtol=1e-12)[0]
sparse.linalg.bicgstab(s, u, rtol=1e-12)[0]
sparse.linalg.lsqr(m.T, r)[0]
sparse.linalg.eigsh(p, k=1)[0]
sparse.linalg.svds(s, k=1)[1]
sparse.linalg.expm(sparse.csc_array(s)).toarray()
sparse.linalg.expm_multiply(s, u)
sparse.linalg.norm(sparse.csr_array(s))
"""

SPATIAL = """
spatial.distance.cdist(m, n)
spatial.distance.cdist(m, n, 'sqeuclidean')
spatial.distance.cdist(m, n, 'cityblock')
spatial.distance.cdist(m, n, 'cosine')
spatial.distance.cdist(m, n, 'minkowski', p=3)
spatial.distance.pdist(m)
spatial.distance.pdist(m, 'chebyshev')
spatial.distance.squareform(spatial.distance.pdist(m))
spatial.distance.euclidean(v, w)
spatial.distance.sqeuclidean(v, w)
spatial.distance.cityblock(v, w)
spatial.distance.chebyshev(v, w)
spatial.distance.minkowski(v, w, 3)
spatial.distance.cosine(v, w)
spatial.distance.correlation(v, w)
spatial.distance.canberra(v, w)
spatial.distance.braycurtis(h, q)
spatial.distance.mahalanobis(u, u2, p)
spatial.distance.seuclidean(v, w, h)
spatial.distance.jensenshannon(h, q)
spatial.distance.directed_hausdorff(m, n)[0]
spatial.distance_matrix(m, n)
spatial.minkowski_distance(m, n)
spatial.procrustes(m, n)[2]
spatial.geometric_slerp(u / np.linalg.norm(u), u2 / np.linalg.norm(u2), q)
spatial.transform.Rotation.from_rotvec(u).as_matrix()
spatial.transform.Rotation.from_euler('xyz', u).apply(u2)
spatial.transform.Rotation.from_quat(np.append(u, t)).as_rotvec()
spatial.cKDTree(m).query(n)[1]
spatial.ConvexHull(np.random.default_rng(0).normal(size=(6, 2)) + t).volume
"""

IMAGES = """
ndimage.convolve(m, n[:3, :3])
ndimage.convolve(m, n[:3, :3], mode='constant', cval=1.0)
ndimage.convolve1d(m, u, axis=0)
ndimage.correlate(m, n[:3, :3], mode='nearest')
ndimage.correlate1d(m, u)
ndimage.gaussian_filter(m, l)
ndimage.gaussian_filter(m, 0.7, mode='wrap')
ndimage.gaussian_filter1d(m, l, axis=0)
ndimage.gaussian_laplace(m, 1.0)
ndimage.gaussian_gradient_magnitude(m, 1.0)
ndimage.uniform_filter(m, 3)
ndimage.uniform_filter1d(v, 3, mode='constant')
ndimage.median_filter(m, 3)
ndimage.maximum_filter(m, 3)
ndimage.minimum_filter(m, size=(1, 3))
ndimage.percentile_filter(m, 30, 3)
ndimage.rank_filter(m, 1, 3)
ndimage.sobel(m)
ndimage.sobel(m, axis=0, mode='constant')
ndimage.prewitt(m)
ndimage.laplace(m)
ndimage.generic_filter(m, np.mean, 3)
ndimage.map_coordinates(m, [q, 2.0 * q], order=1)
ndimage.map_coordinates(m, [q, 2.0 * q], order=3)
ndimage.affine_transform(m, np.array([[0.9, 0.1], [0.0, 1.1]]), order=1)
ndimage.shift(m, (0.3, t), order=1)
ndimage.zoom(m, 2.0, order=1)
ndimage.rotate(m, 20.0 * t, reshape=False, order=1)
ndimage.spline_filter(m)
ndimage.fourier_gaussian(m, 1.0)
ndimage.center_of_mass(np.abs(m))
ndimage.sum_labels(m, I, [1, 2])
ndimage.mean(m, I, [1, 2])
ndimage.variance(m, I, [1, 2])
ndimage.maximum(m, I, [1, 2])
ndimage.maximum_position(m)
ndimage.label(m > 0.0)[0]
ndimage.distance_transform_edt(m > 0.0)
ndimage.binary_dilation(m > 0.0)
ndimage.binary_erosion(m > 0.0)
ndimage.grey_dilation(m, 3)
ndimage.grey_erosion(m, 3)
ndimage.grey_opening(m, 3)
"""

GROUPS = {
    "scipy.special": SPECIAL.strip().split("\n"),
    "scipy.stats": [*dict.fromkeys(DISTRIBUTIONS), *STATISTICS.strip().split("\n")],
    "scipy.linalg": LINALG.strip().split("\n"),
    "scipy.signal": SIGNAL.strip().split("\n"),
    "scipy.interpolate": INTERPOLATION.strip().split("\n"),
    "scipy.integrate": INTEGRATION.strip().split("\n"),
    "scipy.optimize": OPTIMIZATION.strip().split("\n"),
    "scipy.sparse": SPARSE.strip().split("\n"),
    "scipy.spatial": SPATIAL.strip().split("\n"),
    "scipy.ndimage": IMAGES.strip().split("\n"),
}
