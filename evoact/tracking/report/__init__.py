"""The report of a study: one HTML file that needs nothing else, to send to a colleague."""

from evoact.tracking.report.codes import Code, codes_of
from evoact.tracking.report.page import report_html
from evoact.tracking.report.pictures import Picture, pictures_of

__all__ = ["Code", "Picture", "codes_of", "pictures_of", "report_html"]
