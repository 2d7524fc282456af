"""Lists words for synthetic candidates. Schools and employers are real, people are not.

Lists in tiers go from the strongest to the weakest.
"""

PEOPLE: tuple[tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]], ...] = (
    (
        ("Emma", "Noah", "Olivia", "Liam", "Grace", "Ethan", "Chloe", "Mason"),
        ("Carter", "Bennett", "Hughes", "Foster", "Reed", "Sullivan", "Parker", "Hayes"),
        ("Austin, TX", "San Francisco, CA", "Columbus, OH", "Seattle, WA", "Toronto, Canada"),
    ),
    (
        ("Łukasz", "Zofia", "Jürgen", "Anneliese", "Søren", "Åsa", "Žaneta", "Ondřej"),
        ("Wójcik", "Kowalczyk", "Müller", "Größ", "Sørensen", "Öberg", "Dvořák", "Šimková"),
        ("Kraków, Poland", "München, Germany", "København, Denmark", "Göteborg, Sweden"),
    ),
    (
        ("José", "Inês", "Begoña", "Thaís", "François", "Élodie", "Íñigo", "Conceição"),
        ("Muñoz", "Gonçalves", "Peñalver", "Araújo", "Lefèvre", "Béranger", "Ibáñez", "Magalhães"),
        ("São Paulo, Brazil", "Bogotá, Colombia", "Málaga, Spain", "Besançon, France"),
    ),
    (
        ("Ananya", "Rohan", "Priya", "Vikram", "Lakshmi", "Arjun", "Meera", "Sanjay"),
        ("Iyer", "Deshmukh", "Banerjee", "Reddy", "Chaturvedi", "Nair", "Kulkarni", "Pillai"),
        ("Bengaluru, India", "Pune, India", "Hyderabad, India", "Indore, India"),
    ),
    (
        ("美咲", "健太", "伟", "雪梅", "민준", "서연", "Nguyễn Thị", "Ayşe"),
        ("佐藤", "渡辺", "陈", "欧阳", "김", "박", "Hương", "Öztürk"),
        ("東京, Japan", "上海, China", "서울, South Korea", "Đà Nẵng, Vietnam", "İzmir, Türkiye"),
    ),
    (
        ("Олена", "Дмитро", "Оксана", "Ірина"),
        ("Шевченко", "Коваль", "Бондаренко", "Мельник"),
        ("Київ, Ukraine", "Львів, Ukraine", "Харків, Ukraine"),
    ),
    (
        ("يوسف", "ليلى", "Wanjiru", "Olúṣẹ́gun", "Amina", "Kwame"),
        ("حداد", "منصور", "Kamau", "Adébáyọ̀", "Okafor", "Mensah"),
        ("القاهرة, Egypt", "Nairobi, Kenya", "Lagos, Nigeria", "Accra, Ghana"),
    ),
)

SCHOOLS = (
    ("MIT", "Stanford University", "ETH Zürich", "Carnegie Mellon University", "IIT Bombay"),
    ("University of Washington", "TU München", "University of Waterloo", "Politecnico di Milano"),
    ("Ohio State University", "Universidad de Sevilla", "Pune University", "Uniwersytet Śląski"),
    ("Lakeside Community College", "Northfield Online University", "Instituto Técnico Vale Verde"),
)

COMPANIES = (
    ("Google", "NVIDIA", "Stripe", "Databricks", "Apple", "Netflix"),
    ("Shopify", "Siemens", "Booking.com", "Adobe", "Spotify", "Atlassian"),
    ("Infosys", "Allianz", "Cognizant", "Target", "Telefónica", "Regional Health Systems"),
    ("Müller & Söhne GmbH", "QuickFix IT Services", "Sunrise Retail", "Casa Verde Ltda."),
)

TECHNICAL_FIELDS = ("Computer Science", "Computer Engineering", "Mathematics", "Physics")
OTHER_FIELDS = ("Business Administration", "Communications", "History", "Hospitality Management")

ENGINEER_TITLES = (
    "Junior Software Engineer",
    "Software Engineer",
    "Senior Software Engineer",
    "Staff Software Engineer",
    "Principal Engineer",
)
OTHER_LADDERS = (
    ("Sales Associate", "Account Manager", "Senior Account Manager", "Sales Director", "VP Sales"),
    ("HR Assistant", "Recruiter", "Senior Recruiter", "Head of Talent", "Chief People Officer"),
    ("IT Support Agent", "System Administrator", "IT Manager", "Head of IT", "IT Director"),
    ("Store Clerk", "Shift Lead", "Store Manager", "Regional Manager", "Operations Director"),
)

STRONG_DUTIES = (
    "Designed a distributed key-value store in Rust that serves {n} million requests a minute",
    "Led a team of {k} engineers who rebuilt the payment ledger and cut its latency by {p} %",
    "Owned the training platform for language models on {n} GPUs, from scheduler to storage",
    "Rewrote the query planner in C++, which made the slowest {p} % of queries ten times faster",
    "Introduced trace-based testing and on-call practice; incidents fell by {p} % in a year",
)
AVERAGE_DUTIES = (
    "Built REST services in Java and Spring for {k} internal teams",
    "Maintained a React front end and its tests, and fixed about {n} tickets a quarter",
    "Moved {k} applications from a data centre to AWS and wrote their Terraform modules",
    "Wrote ETL jobs in Python and SQL that load {n} tables every night",
)
WEAK_DUTIES = (
    "Updated product pages in WordPress and corrected the layout of {n} newsletters",
    "Ran manual test cases from a spreadsheet and reported about {k} defects a month",
    "Changed configuration files on request and restarted servers at night",
)
OTHER_DUTIES = (
    "Looked after {n} customers, prepared offers and followed up on open invoices",
    "Planned shifts for {k} colleagues and trained new staff in the first weeks",
    "Prepared monthly reports in Excel and answered about {n} enquiries a week",
    "Organised {k} events a year and kept their costs {p} % below budget",
)

ENGINEER_SKILLS = (
    "Python", "Go", "Rust", "C++", "Java", "Kubernetes", "PostgreSQL", "Kafka", "PyTorch",
    "Terraform", "React", "TypeScript", "Spark", "gRPC", "Linux", "AWS", "System design",
)  # fmt: skip
OTHER_SKILLS = (
    "Excel", "CRM", "Negotiation", "PowerPoint", "Scheduling", "Customer service", "SAP",
    "Budgeting", "Français", "Español", "Deutsch", "Team leadership", "Copywriting",
)  # fmt: skip
